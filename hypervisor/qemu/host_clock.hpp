// The rate of the clock an emulated guest reads.
#pragma once

#include <cstdint>
#include <string>

namespace platen::hypervisor::qemu {

// Ticks of this host's time stamp counter in a millisecond, measured against the monotonic clock
// for about 100 ms. Under emulation the guest's counter is the host's, and a microvm has no other
// clock to calibrate it with: a kernel told another rate runs fast or slow by the ratio of the two
// (22 % were seen with a rate taken from another machine).
std::uint64_t measure_tsc_khz();

// A kernel command line with tsc_early_khz set to this rate, in place of the rate it may have.
std::string with_tsc_khz(const std::string& command_line, std::uint64_t khz);

}  // namespace platen::hypervisor::qemu
