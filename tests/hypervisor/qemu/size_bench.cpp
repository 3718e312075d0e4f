// Not part of the suite: prints how large templates are, and how clones begin when nothing of their
// template is in memory. qemu_vm_test "[bench-size]", qemu_vm_test "[bench-cold]" (as root).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>

#include "driver_world.hpp"
#include "hypervisor/qemu/file.hpp"
#include "hypervisor/qemu/host_memory.hpp"

using namespace platen::test;

namespace {

using clock_type = std::chrono::steady_clock;
constexpr std::size_t page_bytes = 4096;
constexpr double megabyte = 1e6;

double milliseconds_since(clock_type::time_point begin) {
  return std::chrono::duration<double, std::milli>(clock_type::now() - begin).count();
}

struct memory_file {
  double logical = 0, allocated = 0,
         zeros = 0;  // zeros: allocated pages of nothing else; all in MB
};

memory_file look_at(const fs::path& path) {
  const auto file = qemu::open_file(path, O_RDONLY);
  REQUIRE(file);
  struct stat status {};
  REQUIRE(::fstat(file->get(), &status) == 0);
  memory_file found;
  found.logical = static_cast<double>(status.st_size) / megabyte;
  found.allocated = static_cast<double>(status.st_blocks) * 512 / megabyte;
  std::array<char, page_bytes> page;
  off_t at = 0;
  while ((at = ::lseek(file->get(), at, SEEK_DATA)) >= 0) {
    const auto end = ::lseek(file->get(), at, SEEK_HOLE);
    for (; at < end; at += page_bytes) {
      REQUIRE(::pread(file->get(), page.data(), page.size(), at) == page_bytes);
      const bool is_zero = std::all_of(page.begin(), page.end(), [](char c) { return c == 0; });
      if (is_zero) found.zeros += page_bytes / megabyte;
    }
  }
  return found;
}

// The time to the agent's answer and, after a request to its workload, the clone's memory in MB.
std::pair<double, double> clone_once(driver_world& world, const std::string& snapshot,
                                     const std::string& id) {
  const auto begin = clock_type::now();
  world->clone(world.clone_of(snapshot, id));
  const auto up = world.expect<cloned>({id, 1});
  const double answered = milliseconds_since(begin);
  http_get(up.vm.ports.at(0).host_port, "/cgi-bin/who");
  const auto bytes = qemu::proportional_memory(static_cast<pid_t>(up.vm.pid)).value_or(0);
  world->kill({id, 1});
  world.expect<exited>({id, 1});
  world->remove({id, 1});
  return {answered, static_cast<double>(bytes) / megabyte};
}

void drop_host_caches() {
  ::sync();
  std::ofstream("/proc/sys/vm/drop_caches") << 3;
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

TEST_CASE("templates take what their guests have touched", "[.][bench-size]") {
  driver_world world;
  const std::pair<std::string, std::string> kinds[] = {
      {"as-it-is", ""}, {"caches-dropped", "echo 3 > /proc/sys/vm/drop_caches; "}};
  for (const auto& [name, before] : kinds) {
    const auto order = world.preparation("prep-" + name, before + driver_world::web_server());
    world->boot(order);
    world.expect<booted>(order.vm);
    world.expect<signalled>(order.vm);
    world->snapshot({order.vm, name});
    world.expect<snapshotted>(order.vm);
    const auto memory = look_at(world.snapshot_folder(name) / "memory");
    std::cout << name << ": memory " << memory.logical << " MB, on disk " << memory.allocated
              << ", of them zeros " << memory.zeros << '\n';
    std::vector<double> answered, sizes;
    for (int i = 0; i < 7; ++i) {
      const auto [time, size] = clone_once(world, name, name + std::to_string(i));
      answered.push_back(time);
      sizes.push_back(size);
    }
    std::cout << name << ": median of 7 clones: answer after " << median(answered)
              << " ms, PSS after a request " << median(sizes) << " MB\n";
  }
}

TEST_CASE("clones of a template that is on disk only", "[.][bench-cold]") {
  driver_world world;
  world.make_snapshot("cold");
  const auto memory = world.snapshot_folder("cold") / "memory";
  std::map<std::string, std::vector<double>> times;
  for (int round = 0; round < 5; ++round) {
    const auto id = [&](const std::string& what) { return what + std::to_string(round); };
    times["nothing dropped"].push_back(clone_once(world, "cold", id("hot")).first);
    drop_host_caches();
    times["dropped"].push_back(clone_once(world, "cold", id("cold")).first);
    drop_host_caches();
    {
      const auto file = qemu::open_file(memory, O_RDONLY);
      REQUIRE(file);
      ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_WILLNEED);
      times["dropped, memory read ahead"].push_back(clone_once(world, "cold", id("ahead")).first);
    }
    drop_host_caches();
    world.replace_driver();
    times["dropped, new daemon (reads and hashes all)"].push_back(
        clone_once(world, "cold", id("new")).first);
  }
  for (const auto& [what, taken] : times)
    std::cout << what << ": median of " << taken.size() << " to the agent's answer "
              << median(taken) << " ms\n";
}
