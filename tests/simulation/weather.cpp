#include "tests/simulation/weather.hpp"

#include <array>

namespace platen::simulation {

using hypervisor::sim_fault;

weather draw_weather(dice& random) {
  weather drawn;
  const auto maybe = [&](std::uint64_t least, std::uint64_t most) {
    const auto rate = random.between(least, most);
    return random.below(2) == 0 ? rate : 0;
  };
  drawn.bad_vms = maybe(20, 400);
  drawn.late_reports = maybe(20, 500);
  drawn.lost_reports = maybe(5, 100);
  drawn.repeated_reports = maybe(20, 300);
  drawn.lying_reports = maybe(20, 300);
  drawn.held_commits = maybe(100, 1000);
  drawn.busy_log = maybe(1, 20) / 2;
  drawn.kills = maybe(1, 8);
  drawn.clean_stops = maybe(1, 4);
  drawn.disk_failures = maybe(1, 4);
  drawn.clock_jumps = maybe(1, 20);
  drawn.vm_deaths = maybe(1, 10);
  drawn.bookkeeping = maybe(1, 20);
  return drawn;
}

sim_fault next_fault(const weather& now, dice& random) {
  if (!random.per_mille(now.bad_vms)) return sim_fault::none;
  static constexpr std::array faults{sim_fault::image_missing,
                                     sim_fault::crash_before_signal,
                                     sim_fault::never_signals,
                                     sim_fault::snapshot_fails,
                                     sim_fault::snapshot_damaged,
                                     sim_fault::clone_fails,
                                     sim_fault::crash_while_running,
                                     sim_fault::crash_later,
                                     sim_fault::suspend_fails,
                                     sim_fault::crash_in_suspend,
                                     sim_fault::resume_fails,
                                     sim_fault::state_damaged,
                                     sim_fault::signals,
                                     sim_fault::slow,
                                     sim_fault::duplicate_reports,
                                     sim_fault::silent};
  return random.pick(faults);
}

namespace {

// A report of a life that is over or that never was. One of the present attempt that is not true
// would be a hypervisor that nobody can work with.
hypervisor::report lie(dice& random, hypervisor::report what) {
  if (random.below(2) == 0) {
    what.vm.attempt = static_cast<std::uint32_t>(random.below(what.vm.attempt));
  } else if (random.below(2) == 0) {
    what.vm.attempt += 1000;
  } else {
    what.vm.id = "nobody";
  }
  return what;
}

}  // namespace

hypervisor::delivery next_delivery(const weather& now, dice& random,
                                   const hypervisor::report& what) {
  constexpr std::uint64_t longest_delay_ms = 3000;
  hypervisor::delivery fate;
  fate.lost = random.per_mille(now.lost_reports);
  if (random.per_mille(now.late_reports)) fate.late_ms = random.below(longest_delay_ms);
  if (!fate.lost && random.per_mille(now.repeated_reports))
    fate.others.push_back({fate.late_ms + random.below(longest_delay_ms), what});
  if (random.per_mille(now.lying_reports))
    fate.others.push_back({random.below(longest_delay_ms), lie(random, what)});
  return fate;
}

}  // namespace platen::simulation
