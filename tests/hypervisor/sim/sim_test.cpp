// The simulated driver keeps the contract of hypervisor.hpp where templates nest.
#include <catch2/catch.hpp>
#include <deque>
#include <map>

#include "hypervisor/sim/sim_driver.hpp"

using namespace platen::hypervisor;

namespace {

// Time that passes when it is told to.
class virtual_time {
 public:
  scheduler later() {
    return [this](std::uint64_t delay_ms, std::function<void()> step) {
      steps_.emplace(now_ms_ + delay_ms, std::move(step));
    };
  }
  void run() {
    while (!steps_.empty()) {
      const auto first = steps_.begin();
      now_ms_ = first->first;
      const auto step = std::move(first->second);
      steps_.erase(first);
      step();
    }
  }

 private:
  std::uint64_t now_ms_ = 0;
  std::multimap<std::uint64_t, std::function<void()>> steps_;
};

struct sim_room {
  sim_room() { start(); }

  void start() {
    driver = make_sim_driver(world, time.later());
    found = driver->start([this](report what) { told.push_back(std::move(what)); }).value();
  }
  // What was reported of the VM since the last look, as numbers of the variant's members.
  std::vector<std::size_t> reports_of(const vm_ref& vm) {
    time.run();
    std::vector<std::size_t> kinds;
    for (const auto& report : told)
      if (report.vm == vm) kinds.push_back(report.what.index());
    told.clear();
    return kinds;
  }
  void make_base() {
    driver->boot({{"base", 1}, purpose::template_preparation, {}});
    time.run();
    driver->snapshot({{"base", 1}, "base"});
    time.run();
    told.clear();
  }

  std::shared_ptr<sim_world> world = std::make_shared<sim_world>();
  virtual_time time;
  std::deque<report> told;
  inventory found;
  std::unique_ptr<platen::hypervisor::driver> driver;
};

template <typename What>
constexpr std::size_t kind =
    std::variant<booted, cloned, signalled, snapshotted, exited, failed>(What{}).index();

clone_order clone_of(const std::string& snapshot, const vm_ref& vm, purpose why) {
  clone_order order;
  order.vm = vm;
  order.why = why;
  order.snapshot_id = snapshot;
  return order;
}

const vm_ref middle{"middle", 1};

using kinds = std::vector<std::size_t>;

}  // namespace

TEST_CASE("a clone that prepares a template signals after it was cloned, and is snapshotted") {
  sim_room room;
  room.make_base();
  room.driver->clone(clone_of("base", middle, purpose::template_preparation));
  CHECK(room.reports_of(middle) == kinds{kind<cloned>, kind<signalled>});
  room.driver->snapshot({middle, "middle"});
  CHECK(room.reports_of(middle) == kinds{kind<snapshotted>});

  room.driver->remove_snapshot("base");
  const vm_ref instance{"instance", 1};
  room.driver->clone(clone_of("middle", instance, purpose::instance));
  CHECK(room.reports_of(instance) == kinds{kind<cloned>});
}

TEST_CASE("a clone that is an instance never signals") {
  sim_room room;
  room.make_base();
  room.driver->clone(clone_of("base", {"i", 1}, purpose::instance));
  CHECK(room.reports_of({"i", 1}) == kinds{kind<cloned>});
}

TEST_CASE("a preparing clone is found again and adopted with what it has come to") {
  sim_room room;
  room.make_base();
  room.driver->clone(clone_of("base", middle, purpose::template_preparation));
  CHECK(room.reports_of(middle) == kinds{kind<cloned>, kind<signalled>});
  room.start();
  REQUIRE(room.found.vms.size() == 1);
  CHECK(room.found.vms[0].vm == middle);
  CHECK(room.found.vms[0].why == purpose::template_preparation);
  room.driver->adopt(middle);
  CHECK(room.reports_of(middle) == kinds{kind<cloned>, kind<signalled>});
}

TEST_CASE("faults of a preparation befall a preparing clone as well") {
  sim_room room;
  room.make_base();
  auto fault = sim_fault::none;
  room.world->plan = [&](const vm_ref&) { return fault; };
  const auto reports_with = [&](sim_fault chosen, std::uint32_t attempt) {
    fault = chosen;
    const vm_ref vm{"middle", attempt};
    room.driver->clone(clone_of("base", vm, purpose::template_preparation));
    return room.reports_of(vm);
  };
  CHECK(reports_with(sim_fault::never_signals, 1) == kinds{kind<cloned>});
  CHECK(reports_with(sim_fault::crash_before_signal, 2) == kinds{kind<cloned>, kind<exited>});
  CHECK(reports_with(sim_fault::clone_fails, 3) == kinds{kind<failed>});
  CHECK(reports_with(sim_fault::snapshot_damaged, 4) == kinds{kind<failed>});
  CHECK(reports_with(sim_fault::silent, 5).empty());
  CHECK(reports_with(sim_fault::snapshot_fails, 6) == kinds{kind<cloned>, kind<signalled>});
  room.driver->snapshot({{"middle", 6}, "middle"});
  CHECK(room.reports_of({"middle", 6}) == kinds{kind<failed>});
}
