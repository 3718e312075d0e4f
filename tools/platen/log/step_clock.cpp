#include "tools/platen/log/step_clock.hpp"

#include <algorithm>

namespace platen::cli {

// What one event begins and ends, by its type.
class step_clock::reader {
 public:
  reader(stream_times& times, std::int64_t now_us) : times_(times), now_us_(now_us) {}

  void operator()(const events::template_requested&) { begin("lived"); }
  void operator()(const events::preparation_started& e) {
    // A nested one began when it asked its parent.
    if (e.parent_snapshot_id.empty()) begin("prepare");
  }
  void operator()(const events::template_snapshotted&) { end("prepare"); }
  void operator()(const events::preparation_failed&) { end("prepare"); }
  void operator()(const events::clone_granted& e) { begin("clone", e.instance_id); }
  void operator()(const events::clone_finished& e) { end("clone", e.instance_id); }
  void operator()(const events::template_deleted&) { end("lived"); }
  void operator()(const events::template_autokilled&) { end("lived"); }
  void operator()(const events::parent_requested&) { begin("prepare"); }

  void operator()(const events::instance_requested&) { begin("lived"); }
  void operator()(const events::instance_start_requested&) { begin("start"); }
  void operator()(const events::instance_boot_started&) { begin("start"); }
  void operator()(const events::instance_running&) {
    end("start");
    begin("ran");
  }
  void operator()(const events::instance_failed&) {
    times_.begun.erase("ran");
    end("start");
  }
  void operator()(const events::instance_drain_started&) {
    if (!times_.begun.contains("drain")) begin("drain");
  }
  void operator()(const events::instance_stop_requested&) {
    end("drain");
    begin("stop");
  }
  void operator()(const events::instance_suspend_requested& e) {
    // Of one that sleeps it only changes what wakes it.
    end("drain");
    if (!times_.begun.contains("slept" + std::to_string(e.attempt))) begin("suspend");
  }
  void operator()(const events::instance_suspended& e) {
    times_.begun.erase("ran");
    end("suspend");
    begin("slept", std::to_string(e.attempt));
  }
  void operator()(const events::instance_suspend_failed&) { end("suspend"); }
  void operator()(const events::instance_resume_started& e) {
    end("slept", std::to_string(e.suspended_attempt));
    begin("start");
  }
  void operator()(const events::instance_conversion_requested&) { begin("convert"); }
  void operator()(const events::instance_conversion_failed&) { end("convert"); }
  void operator()(const events::instance_converted&) { end("convert"); }
  void operator()(const events::instance_stopped&) {
    end("stop");
    end("start");
    end("ran");
  }
  void operator()(const events::instance_deleted&) { end("lived"); }
  void operator()(const events::instance_autokilled&) { end("lived"); }

  void operator()(const events::daemon_started&) { begin("up"); }
  void operator()(const events::daemon_stopped&) { end("up"); }
  void operator()(const events::request_began&) { begin("request"); }
  void operator()(const events::request_answered&) { end("request"); }

  template <class Other>
  void operator()(const Other&) {}

  const std::optional<step_time>& ended() const { return ended_; }

 private:
  void begin(const std::string& step, const std::string& which = "") {
    times_.begun[step + which] = now_us_;
  }

  void end(const std::string& step, const std::string& which = "") {
    const auto found = times_.begun.find(step + which);
    if (found == times_.begun.end()) return;
    ended_ = step_time{step, std::max<std::int64_t>(now_us_ - found->second, 0)};
    times_.begun.erase(found);
  }

  stream_times& times_;
  std::int64_t now_us_;
  std::optional<step_time> ended_;
};

event_times step_clock::next(const events::envelope& event) {
  const auto [found, is_new] = streams_.try_emplace(event.stream);
  auto& times = found->second;
  event_times out;
  if (!is_new) out.since_previous = std::max<std::int64_t>(event.time_us - times.previous_us, 0);
  times.previous_us = event.time_us;
  reader read(times, event.time_us);
  std::visit(read, event.what);
  out.step = read.ended();
  const bool over = std::holds_alternative<events::instance_deleted>(event.what) ||
                    std::holds_alternative<events::instance_autokilled>(event.what) ||
                    std::holds_alternative<events::instance_converted>(event.what) ||
                    std::holds_alternative<events::request_answered>(event.what);
  if (over) streams_.erase(found);
  return out;
}

}  // namespace platen::cli
