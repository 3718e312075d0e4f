#include <catch2/catch.hpp>

#include "hypervisor/qemu/host_clock.hpp"

using namespace platen::hypervisor::qemu;

TEST_CASE("two measurements of the counter's rate agree to a thousandth") {
  const auto first = static_cast<double>(measure_tsc_khz());
  const auto second = static_cast<double>(measure_tsc_khz());
  CHECK(first > 100'000);
  CHECK(second == Approx(first).epsilon(0.001));
}

TEST_CASE("the measured rate takes the place of the one in the command line") {
  CHECK(with_tsc_khz("console=ttyS0 tsc_early_khz=2000000 quiet", 2445430) ==
        "tsc_early_khz=2445430 console=ttyS0 quiet");
  CHECK(with_tsc_khz("quiet", 1) == "tsc_early_khz=1 quiet");
}
