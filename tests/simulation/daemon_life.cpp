#include "tests/simulation/daemon_life.hpp"

#include "actors/plane.hpp"
#include "tests/simulation/watched_driver.hpp"

namespace platen::simulation {

namespace {}  // namespace

daemon_life::daemon_life(machine& on, actor_host& host, const weather& now, dice& random,
                         checker& judge, trace& out)
    : machine_(on), host_(host), log_(on.disk, now, random) {
  auto sim = hypervisor::make_sim_driver(
      on.vms, [&on](std::uint64_t delay_ms, std::function<void()> step) {
        on.due.emplace(on.up_us + static_cast<std::int64_t>(delay_ms) * 1000, std::move(step));
      });
  driver_ = watch(std::move(sim), judge, out);
  actors::options how;
  how.max_instances = limits::instances;
  how.max_templates = limits::templates;
  how.states = &on.states;
  how.stop_grace_ms = 50;
  how.on_fatal = [this](const std::string&) { failed_ = true; };
  auto started = actors::start_plane({nullptr, host.system(), [&on] { return on.wall_us(); },
                                      [&random, &on] { return on.new_id(random); }},
                                     how, log_, *driver_);
  if (!started) {
    judge.require("a_daemon_starts", started.error());
    ended_ = true;
    return;
  }
  plane_ = std::move(*started);
  log_.may_hold(true);
}

daemon_life::~daemon_life() {
  kill();
}

void daemon_life::kill() {
  if (std::exchange(ended_, true)) return;
  log_.die();
  driver_->shutdown();
  plane_->shutdown(false);
  host_.clear();
  plane_.reset();
  machine_.due.clear();
}

void daemon_life::stop() {
  if (std::exchange(ended_, true)) return;
  log_.may_hold(false);
  log_.commit(log_.held());
  plane_->shutdown(false);
  host_.clear();
  plane_.reset();
  machine_.due.clear();
}

}  // namespace platen::simulation
