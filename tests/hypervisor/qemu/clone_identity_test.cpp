// What clones of one template must not share, what they must agree on with the host, and what they
// must not notice.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>

#include "driver_world.hpp"

using namespace platen::test;

namespace {

using clock = std::chrono::steady_clock;
using page = std::map<std::string, std::string>;

// As many at a time as CI's few cores bear.
constexpr int at_once = 4;
// A generator that is a few seconds old takes a new key by itself, and hides collisions.
constexpr int template_age_s = 17;
// Long enough to be told from a clone's own pauses on a crowded machine.
constexpr std::chrono::seconds asleep{12};

int clones_wanted() {
  const char* number = std::getenv("PLATEN_IDENTITY_CLONES");
  return number == nullptr ? at_once : std::atoi(number);
}

// Draws from the generator up to its signal, so that no new key falls between it and the clones,
// and has read every identity that is made at the first reading.
std::string aging_server() {
  return "n=/www/cgi-bin/identity; echo '#!/bin/sh' > $n; cat >> $n <<'EOF'\n"
         "/bin/busybox printf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
         "echo random=$(/bin/busybox head -c 64 /dev/urandom | /bin/busybox od -An -v -tx1 | "
         "/bin/busybox tr -d ' \\n')\n"
         "echo uuid=$(/bin/busybox cat /proc/sys/kernel/random/uuid)\n"
         "echo boot_id=$(/bin/busybox cat /proc/sys/kernel/random/boot_id)\n"
         "echo machine_id=$(/bin/busybox cat /etc/machine-id)\n"
         "echo hostname=$(/bin/busybox hostname)\n"
         "echo generation_id=$(/bin/busybox cat /uk/libukp/generation_id)\n"
         "echo generation_file=$(/bin/busybox cat /run/platen/generation_id)\n"
         "echo mac=$(/bin/busybox cat /sys/class/net/eth0/address)\n"
         "echo time=$(/bin/busybox date +%s)\n"
         "/bin/busybox cat /dev/shm/witness /dev/shm/woke\n"
         "EOF\n"
         "busybox chmod 755 $n; busybox httpd -p 8080 -h /www; "
         "busybox sh $n > /dev/null; clone_witness /dev/shm/witness & "
         "while [ $(busybox cut -d. -f1 /proc/uptime) -lt " +
         std::to_string(template_age_s) +
         " ]; do busybox head -c 16 /dev/urandom > /dev/null; sleep 1; done; "
         "echo 1 > /uk/libukp/template_instance && echo woke=yes > /dev/shm/woke; "
         "while :; do sleep 1000; done";
}

// Once the witness has looked and the write has returned.
page identity_of(const cloned& clone) {
  REQUIRE(clone.vm.ports.size() == 1);
  page values;
  const auto end = clock::now() + std::chrono::seconds(60);
  do {
    values = page_at(clone.vm.ports[0].host_port, "/cgi-bin/identity");
  } while ((!values.contains("woke") || values["notifications"] != "1") && clock::now() < end);
  return values;
}

void check_identity(const std::string& id, const cloned& clone, page values) {
  for (const auto& [name, value] : values)
    UNSCOPED_INFO(name << '=' << value);
  CHECK(values["hostname"] == id);
  CHECK(values["random"].size() == 128);
  CHECK(values["generation_id"] == clone.vm.generation_id);
  CHECK(clock_is_right(values));
  // It learns that it is a clone: its write returns, and a watched file is written, once.
  CHECK(values["woke"] == "yes");
  CHECK(values["notifications"] == "1");
  CHECK(values["notified_of"] == clone.vm.generation_id);
  CHECK(values["generation_file"] == clone.vm.generation_id);
  for (const std::string name : {"monotonic", "boottime"}) {
    CHECK(std::stoll(values.at(name + "_smallest_step_us")) >= 0);
    CHECK(std::chrono::microseconds(std::stoll(values.at(name + "_largest_step_us"))) < asleep);
  }
}

}  // namespace

TEST_CASE("clones of an old template are told apart by all they are, and know the time", "[vm]") {
  driver_world world([](qemu_options& options) {
    options.warm_pool_bytes = 1ull << 30;
    options.warm_pool_per_snapshot = 2;
    options.warm_pool_reserve_bytes = 0;
  });
  const auto order = world.preparation("prep-old", aging_server());
  world->boot(order);
  world.expect<booted>(order.vm);
  world.expect<signalled>(order.vm);
  world->snapshot({order.vm, "old"});
  world.expect<snapshotted>(order.vm);
  // One of them has run for a moment before that time, to be rehearsed.
  world.await_warm("old");
  // What is tested is the passing of time.
  std::this_thread::sleep_for(asleep);

  const int number = clones_wanted();
  std::map<std::string, std::set<std::string>> seen;
  int warm = 0;
  for (int begin = 0; begin < number; begin += at_once) {
    const int end = std::min(number, begin + at_once);
    const auto name = [](int i) { return "clone-" + std::to_string(i); };
    for (int i = begin; i < end; ++i)
      world->clone(world.clone_of("old", name(i)));
    for (int i = begin; i < end; ++i) {
      const auto clone = world.expect<cloned>({name(i), 1});
      warm += clone.vm.was_warm ? 1 : 0;
      const auto values = identity_of(clone);
      check_identity(name(i), clone, values);
      for (const auto* what :
           {"random", "uuid", "boot_id", "machine_id", "hostname", "generation_id", "mac"})
        seen[what].insert(values.at(what));
    }
    for (int i = begin; i < end; ++i)
      world->remove({name(i), 1});
  }
  CHECK(warm > 0);
  CHECK(warm < number);
  CHECK(seen.size() == 7);
  for (const auto& [what, values] : seen) {
    INFO(what);
    CHECK(values.size() == static_cast<std::size_t>(number));
    CHECK_FALSE(values.contains(""));
  }
}
