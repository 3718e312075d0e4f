#include "hypervisor/qemu/host_memory.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

using namespace platen::hypervisor::qemu;

TEST_CASE("available memory is the line that says so, in bytes") {
  CHECK(parse_available_memory("MemTotal:  100 kB\nMemFree: 7 kB\nMemAvailable:   64 kB\n") ==
        64u << 10);
  CHECK_FALSE(parse_available_memory("MemTotal:  100 kB\nMemAvailableToo: 3 kB\n"));
  CHECK_FALSE(parse_available_memory("MemAvailable: much\n"));
  CHECK_FALSE(parse_available_memory(""));
  REQUIRE(available_memory());
  CHECK(*available_memory() > 1u << 20);
}

TEST_CASE("a process's memory counts shared pages in part, and one that is gone has none") {
  CHECK(parse_proportional_memory("00-ff ---p 00 00:00 0  [rollup]\nRss: 9 kB\nPss: 5 kB\n") ==
        5u << 10);
  REQUIRE(proportional_memory(::getpid()));
  CHECK(*proportional_memory(::getpid()) > 100u << 10);
  CHECK_FALSE(proportional_memory(0x7fffffff));
}

TEST_CASE("memory pressure can be waited for where the kernel tells of it, and is quiet now") {
  CHECK_FALSE(open_memory_pressure("/proc/pressure/no-such-thing"));
  if (::access("/proc/pressure/memory", W_OK) != 0) return;
  const auto trigger = open_memory_pressure();
  REQUIRE(trigger);
  pollfd waits{trigger->get(), POLLPRI, 0};
  CHECK(::poll(&waits, 1, 0) >= 0);
  CHECK((waits.revents & POLLERR) == 0);
}
