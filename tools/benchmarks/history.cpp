#include "tools/benchmarks/history.hpp"

#include <malloc.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <stdexcept>

#include "actors/control_plane.hpp"
#include "actors/state_keeper.hpp"
#include "hypervisor/sim/sim_driver.hpp"
#include "store/rocksdb_log.hpp"
#include "tools/benchmarks/stopwatch.hpp"

namespace platen::benchmarks {

namespace {

constexpr std::size_t events_an_entity = 10;

template <class T>
T checked(store::result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

std::string uuid_of(std::size_t number) {
  auto digits = std::to_string(number);
  digits.insert(0, 12 - digits.size(), '0');
  return "5b0e1c1e-6a4a-4c9e-9b1f-" + digits;
}

// An instance that was started and stopped twice and is now stopped.
std::vector<events::event> a_life(std::size_t number) {
  events::instance_requested requested;
  requested.name = "instance-" + std::to_string(number);
  requested.spec->image = "platen/demo:v1";
  requested.spec->memory_mb = 256;
  requested.spec->vcpus = 1;
  std::vector<events::event> life{requested};
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    events::instance_boot_started booted;
    booted.attempt = attempt;
    events::instance_running running;
    running.attempt = attempt;
    running.accelerator = "tcg";
    running.pid = 4711;
    running.generation_id = uuid_of(attempt);
    events::instance_stop_requested stop;
    stop.attempt = attempt;
    events::instance_stopped stopped;
    stopped.attempt = attempt;
    stopped.by_user = true;
    life.insert(life.end(), {booted, running, stop, stopped});
  }
  life.emplace_back(events::instance_stop_requested{});
  return life;
}

void write_history(store::event_log& log, std::size_t entities) {
  constexpr std::size_t in_flight_max = 1024;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t in_flight = 0;
  for (std::size_t i = 0; i < entities; ++i) {
    {
      std::unique_lock guard(mutex);
      changed.wait(guard, [&] { return in_flight < in_flight_max; });
      ++in_flight;
    }
    log.append({"instance/" + uuid_of(i),
                0,
                {uuid_of(i), "token:9f86d081884c7d65", events::origin::api, "request"},
                1'763'791'200'000'000,
                a_life(i)},
               [&](const auto& outcome) {
                 if (!outcome) throw std::runtime_error(outcome.error().message);
                 const std::lock_guard guard(mutex);
                 --in_flight;
                 changed.notify_one();
               });
  }
  std::unique_lock guard(mutex);
  changed.wait(guard, [&] { return in_flight == 0; });
}

double resident_kib() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024;
}

double allocated_kib() {
  const auto heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd) / 1024;
}

double measure_start(const std::string& path, const std::string& name, figures& into) {
  const stopwatch all;
  auto log = checked(store::rocksdb_log::open(path));
  into.add(name + ": opening the log", all.seconds(), "s");
  const auto loaded = checked(actors::load_world(*log, &log->states()));
  const double seconds = all.seconds();
  into.add(name + ": events folded", static_cast<double>(loaded.events_folded), "");
  into.add(name, seconds, "s");
  return seconds;
}

void measure_memory(const std::string& path, std::size_t entities, figures& into) {
  auto log = checked(store::rocksdb_log::open(path));
  auto driver = hypervisor::make_sim_driver(std::make_shared<hypervisor::sim_world>(),
                                            hypervisor::real_time_scheduler());
  const double before = resident_kib();
  const double allocated_before = allocated_kib();
  actors::options how;
  how.max_instances = 2 * entities;
  how.states = &log->states();
  const stopwatch all;
  auto plane = actors::control_plane::start(how, *log, *driver);
  if (!plane) throw std::runtime_error(plane.error());
  into.add("control plane up, all entities readable", all.seconds(), "s");
  const double after = resident_kib();
  into.add("resident memory an idle entity", (after - before) / static_cast<double>(entities),
           "KiB");
  into.add("allocated memory an idle entity",
           (allocated_kib() - allocated_before) / static_cast<double>(entities), "KiB");
}

}  // namespace

void measure_history(const std::filesystem::path& directory, std::size_t entities, figures& into) {
  const auto path = (directory / "history").string();
  const auto events = static_cast<double>(entities * events_an_entity);
  {
    auto log = checked(store::rocksdb_log::open(path));
    const stopwatch writing;
    write_history(*log, entities);
    into.add("history written, ten events an append", events / writing.seconds(), "events/s");
    const stopwatch folding;
    const auto all = checked(actors::replay(*log));
    into.add("replay with the chain verified", events / folding.seconds(), "events/s");
    if (all.instances.size() != entities) throw std::runtime_error("the replay lost entities");
  }
  measure_start(path, "start without cached states", into);
  {
    auto log = checked(store::rocksdb_log::open(path));
    const stopwatch caching;
    checked(actors::bring_up_to_date(*log, log->states()));
    into.add("state cache written from nothing", caching.seconds(), "s");
  }
  measure_start(path, "start from cached states", into);
  measure_memory(path, entities, into);
}

}  // namespace platen::benchmarks
