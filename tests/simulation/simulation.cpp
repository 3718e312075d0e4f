#include "tests/simulation/simulation.hpp"

#include "actors/state_keeper.hpp"
#include "tests/simulation/clients.hpp"
#include "tests/simulation/daemon_life.hpp"

namespace platen::simulation {

namespace {

constexpr std::int64_t millisecond_us = 1000;
constexpr std::int64_t furthest_clock_jump_ms = 20'000;
constexpr std::size_t steps_at_most = 200'000;  // of a run that goes round in circles

class run {
 public:
  run(std::uint64_t seed, actor_host& host, std::ostream* show)
      : random_(seed),
        host_(host),
        out_(show),
        weather_(draw_weather(random_)),
        judge_(machine_.disk, *machine_.vms, out_),
        clients_(judge_, random_, out_) {
    machine_.vms->plan = [this](const auto&) { return next_fault(weather_, random_); };
    machine_.vms->post = [this](const auto& what) {
      return next_delivery(weather_, random_, what);
    };
  }

  outcome to_its_end(std::uint64_t seed) {
    start_daemon();
    const auto commands = random_.between(5, 40);
    while (going_on() && clients_.sent() < commands)
      step();
    // What the last commands started is interrupted, too.
    for (auto more = random_.below(300); going_on() && more > 0; --more)
      step();
    come_to_rest();
    daemon_.reset();
    return {seed,
            judge_.complaint(),
            out_.hash(),
            steps_,
            judge_.log().sequence,
            clients_.sent(),
            clients_.acknowledged(),
            static_cast<std::size_t>(life_)};
  }

 private:
  bool going_on() const { return judge_.complaint().empty() && steps_ < steps_at_most; }

  void say(const char* who, const std::string& what) { out_.line(who, what); }

  // ---- daemons
  // -----------------------------------------------------------------------------------

  void start_daemon() {
    ++life_;
    say("daemon", "starts, life " + std::to_string(life_));
    daemon_ = std::make_unique<daemon_life>(machine_, host_, weather_, random_, judge_, out_);
    checked();
    // No actor has had a message yet: this is what was read back.
    if (daemon_->plane() != nullptr) judge_.at_rest(*daemon_->plane());
  }

  void kill_daemon(const char* why) {
    say("daemon", why);
    clients_.hang_up();
    daemon_->kill();
    judge_.read_log();
    maybe_lose_vms();
    start_daemon();
  }

  void stop_daemon() {
    say("daemon", "is stopped");
    daemon_->stop();
    judge_.read_log();
    judge_.require("every_command_is_answered", clients_.every_command_is_answered(life_));
    clients_.hang_up();
    maybe_lose_vms();
    start_daemon();
  }

  // The machine may have been switched off as well.
  void maybe_lose_vms() {
    if (weather_.vm_deaths == 0 || random_.below(3) != 0) return;
    const bool all = random_.below(2) == 0;
    say("machine", all ? "loses its VMs" : "loses a VM");
    for (auto& [ref, vm] : machine_.vms->vms)
      if (all || random_.below(3) == 0) vm.alive = false;
    if (random_.below(4) == 0) machine_.vms->snapshots.clear();
  }

  // ---- steps
  // -------------------------------------------------------------------------------------

  void checked() {
    ++steps_;
    judge_.after_step(daemon_->plane());
  }

  bool step_of_trouble() {
    const auto roll = random_.below(1000);
    auto limit = weather_.kills;
    if (roll < limit) return kill_daemon("is killed"), true;
    if (roll < (limit += weather_.clean_stops)) return stop_daemon(), true;
    if (roll < (limit += weather_.disk_failures)) return daemon_->log().fail(), true;
    if (roll < (limit += weather_.clock_jumps)) return jump(), true;
    if (roll < (limit += weather_.vm_deaths)) return end_some_vm(), true;
    if (roll < (limit += weather_.bookkeeping)) return keep_books(), true;
    return false;
  }

  void jump() {
    const auto ms = static_cast<std::int64_t>(random_.below(2 * furthest_clock_jump_ms)) -
                    furthest_clock_jump_ms;
    machine_.wall_offset_us += ms * millisecond_us;
    say("wall clock", "jumps " + std::to_string(ms) + " ms");
  }

  // What the next daemon starts from: it must come to the same states as the whole log.
  void keep_books() {
    const auto kept = actors::bring_up_to_date(machine_.disk, machine_.states);
    if (!kept) judge_.require("the_state_cache_is_kept", kept.error().message);
    say("bookkeeper", "caches the states");
  }

  // Without a word: a report that was lost, or a hypervisor that has not noticed.
  void end_some_vm() {
    if (machine_.vms->vms.empty()) return;
    auto& vms = machine_.vms->vms;
    const auto victim =
        std::next(vms.begin(), static_cast<std::ptrdiff_t>(random_.below(vms.size())));
    victim->second.alive = false;
    say("machine", "VM " + victim->first.id + " ends");
  }

  // One thing that can happen now, whichever.
  void step() {
    out_.at(machine_.up_us);
    if (!step_of_trouble()) ordinary_step();
    if (going_on() && daemon_->failed()) kill_daemon("ends, because its log failed");
    checked();
  }

  // What is ready is done soon, but not always first: clients and clocks do not wait for actors.
  void ordinary_step() {
    const bool idle = !anything_ready();
    if (idle) judge_.at_rest(*daemon_->plane());
    const std::uint64_t actors = host_.ready() > 0 ? 60 : 0;
    const std::uint64_t commits = daemon_->log().held() > 0 ? 12 : 0;
    const std::uint64_t vms = machine_.has_due_step() ? 12 : 0;
    const std::uint64_t requests = idle ? 6 : 2;
    const std::uint64_t time = idle ? 12 : 2;
    auto roll = random_.below(actors + commits + vms + requests + time);
    const auto chosen = [&](std::uint64_t weight) {
      const bool hit = roll < weight;
      roll -= hit ? 0 : weight;
      return hit;
    };
    if (chosen(actors)) return run_actor();
    if (chosen(commits)) return commit();
    if (chosen(vms)) return machine_.run_due_step();
    if (chosen(requests)) return clients_.send_one(*daemon_->plane(), life_);
    pass_time();
  }

  bool anything_ready() {
    return host_.ready() > 0 || daemon_->log().held() > 0 || machine_.has_due_step();
  }

  void run_actor() {
    const auto n = random_.below(host_.ready());
    out_.mix(n);
    host_.run(n);
  }

  void commit() {
    const auto count = random_.between(1, daemon_->log().held());
    out_.mix(count);
    daemon_->log().commit(count);
  }

  // To the next moment at which something is due, or a part of the way. False if nothing is.
  bool pass_time(bool all_the_way = false) {
    const auto step = machine_.next_step_us();
    const auto timer = host_.next_timer_us();
    if (!step && !timer) return false;
    auto us =
        std::max<std::int64_t>(std::min(step.value_or(INT64_MAX), timer.value_or(INT64_MAX)), 0);
    if (!all_the_way && random_.below(4) == 0) us = us / 2;
    machine_.up_us += us;
    host_.advance_us(us);
    return true;
  }

  // ---- the end
  // -----------------------------------------------------------------------------------

  // Nothing goes wrong any more, and all time passes.
  void come_to_rest() {
    if (!going_on()) return;
    const bool restart =
        weather_.needs_a_restart() || daemon_->log().failed() || random_.below(2) == 0;
    weather_ = {};
    for (auto& [ref, vm] : machine_.vms->vms)
      vm.fault = hypervisor::sim_fault::none;
    if (restart) kill_daemon("is killed for the last time");
    say("everything", "works from here on");
    while (going_on() && work_or_wait())
      checked();
    if (!going_on()) return judge_.require("the_end_is_reached", "there are steps without end");
    judge_.at_end(*daemon_->plane());
    judge_.require("every_command_is_answered", clients_.every_command_is_answered(life_));
    judge_.require("what_was_refused_was_not_done", clients_.what_was_refused_was_not_done());
    check_the_log_anew();
  }

  bool work_or_wait() {
    out_.at(machine_.up_us);
    if (daemon_->failed()) {
      judge_.require("nothing_fails_without_a_fault", "the daemon failed");
      return false;
    }
    if (host_.ready() > 0) return run_actor(), true;
    if (daemon_->log().held() > 0) return commit(), true;
    if (machine_.has_due_step()) return machine_.run_due_step(), true;
    judge_.at_rest(*daemon_->plane());
    return pass_time(true);
  }

  void check_the_log_anew() {
    oracle reader(machine_.disk);
    const auto read = reader.catch_up([](const auto&, const auto&) {});
    if (!read) judge_.require("the log can be read", read.error().message);
    judge_.require("what_was_acknowledged_is_in_the_log",
                   clients_.what_was_acknowledged_is_in_the_log(reader));
  }

  dice random_;
  actor_host& host_;
  trace out_;
  weather weather_;
  machine machine_;
  checker judge_;
  clients clients_;
  std::unique_ptr<daemon_life> daemon_;
  int life_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace

outcome simulate(std::uint64_t seed, actor_host& host, std::ostream* show) {
  return run(seed, host, show).to_its_end(seed);
}

}  // namespace platen::simulation
