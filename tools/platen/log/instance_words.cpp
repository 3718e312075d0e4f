#include "tools/platen/log/event_line.hpp"
#include "tools/platen/log/words.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

namespace tpl = actors::vm_template;
namespace ins = actors::instance;

const ins::state& instance_before(const scene& at) {
  static const ins::state unknown;
  const auto slash = at.event.stream.find('/');
  const auto found = at.before.instances.find(at.event.stream.substr(slash + 1));
  return found == at.before.instances.end() ? unknown : found->second;
}

std::string ports_text(const std::vector<events::service>& services) {
  std::string out;
  for (const auto& service : services)
    if (service.host_port != 0)
      out += (out.empty() ? "; port " : ", port ") + std::to_string(service.port) +
             " is 127.0.0.1:" + std::to_string(service.host_port);
  return out;
}

class words {
 public:
  words(const scene& at, const memory& earlier)
      : at_(at), earlier_(earlier), now_(instance_before(at)) {}

  std::optional<told> operator()(const events::instance_requested& e) const {
    auto text = "asked for " + caused_by(at_.event.why);
    text += e.template_id.empty() ? ", booting image " + e.spec->image
                                  : ", as a clone of " + template_name(e.template_id);
    return told{text + (e.autostart ? "" : "; it is not to be started yet")};
  }

  std::optional<told> operator()(const events::instance_start_requested&) const {
    const auto name = template_name(now_.template_id);
    if (now_.restart_at_us != 0) return told{"is started again, from " + name};
    if (lost()) return told{restarted() + ": it asks " + name + " for another clone"};
    const auto found = at_.before.templates.find(now_.template_id);
    const std::string start = "its start is asked for " + caused_by(at_.event.why);
    if (found == at_.before.templates.end()) return told{start + ", from " + name};
    return told{start + waiting_text(found->second, name)};
  }

  std::optional<told> operator()(const events::instance_clone_started& e) const {
    const auto name = template_name(e.template_id);
    auto text = "cloning begins from the snapshot of " + name + attempt_text(e.attempt);
    if (const auto waited = in_phase()) text += ", for which it waited " + human_duration(*waited);
    return told{text, in_phase()};
  }

  std::optional<told> operator()(const events::instance_boot_started& e) const {
    const bool by_request = at_.event.why.source == events::origin::gateway;
    if (by_request) return told{"woken by a request: it boots" + attempt_text(e.attempt)};
    if (lost()) return told{restarted() + ": it boots again" + attempt_text(e.attempt)};
    if (now_.restart_at_us != 0) return told{"is started again" + attempt_text(e.attempt)};
    return told{"boots image " + now_.spec.image + attempt_text(e.attempt)};
  }

  std::optional<told> operator()(const events::instance_running& e) const {
    auto text = "runs (" + e.accelerator + ", process " + std::to_string(e.pid) + ")";
    if (now_.requested_us != 0)
      text += ", " + human_duration(span_us(now_.requested_us, at_.event.time_us)) +
              " after its start was asked for";
    return told{text + ports_text(e.services), in_phase()};
  }

  std::optional<told> operator()(const events::instance_drain_started& e) const {
    return told{
        std::string("gets nothing new any more, and is to be ") +
        (e.suspend ? "suspended" : "stopped") + " when what it has in hand is done, within " +
        human_duration(span_us(at_.event.time_us, e.until_us)) + ", " + caused_by(at_.event.why)};
  }

  std::optional<told> operator()(const events::instance_requests_counted& e) const {
    return told{"has served " + std::to_string(e.requests) + " requests of the " +
                std::to_string(now_.spec.autokill_requests) + " that it is to serve"};
  }

  std::optional<told> operator()(const events::instance_stop_requested& e) const {
    if (drains()) return told{drained_text(), in_phase()};
    if (e.standby) return told{"nobody needs it: stopped until a request comes"};
    const auto cause = caused_by(at_.event.why);
    if (e.force) return told{"to be killed " + cause};
    return told{"asked to stop " + cause + " within " +
                human_duration(std::int64_t{e.grace_ms} * 1000)};
  }

  std::optional<told> operator()(const events::instance_suspend_requested& e) const {
    if (e.standby) return told{"nobody needs it: suspended until a request comes"};
    if (drains()) return told{drained_text(), in_phase()};
    const bool sleeps = now_.standby;
    const auto cause = caused_by(at_.event.why);
    return told{sleeps ? "stays suspended until it is started, " + cause
                       : "asked to be suspended " + cause};
  }

  std::optional<told> operator()(const events::instance_suspended& e) const {
    return told{"suspended, " + std::to_string(e.state_bytes / (1024 * 1024)) +
                    " MiB on the disk; " +
                    (now_.standby ? "the next request wakes it" : "a start wakes it"),
                in_phase()};
  }

  std::optional<told> operator()(const events::instance_suspend_failed& e) const {
    return told{"could not be suspended and runs on, stage " + e.stage + ": " + e.reason,
                in_phase()};
  }

  std::optional<told> operator()(const events::instance_resume_started& e) const {
    if (now_.phase == ins::lifecycle::resuming)
      return told{restarted() + ": it is resumed again" + attempt_text(e.attempt)};
    const bool by_request = at_.event.why.source == events::origin::gateway;
    auto text = by_request ? "woken by a request"
                           : "is started from its memory " + caused_by(at_.event.why);
    if (const auto slept = in_phase()) text += ", after it slept for " + human_duration(*slept);
    return told{text, in_phase()};
  }

  std::optional<told> operator()(const events::instance_conversion_requested& e) const {
    const std::string how = e.snapshot_id.empty() ? ", cold" : ", with its memory";
    if (e.by_guest) return told{"its guest wrote: it becomes a template" + how};
    return told{"to become a template " + caused_by(at_.event.why) + how};
  }

  std::optional<told> operator()(const events::instance_converted&) const {
    return told{"is a template now, of the same name and UUID", in_phase()};
  }

  std::optional<told> operator()(const events::instance_conversion_failed& e) const {
    return told{"did not become a template and goes on, stage " + e.stage + ": " + e.reason,
                in_phase()};
  }

  std::optional<told> operator()(const events::instance_stopped& e) const {
    if (now_.standby && now_.phase == ins::lifecycle::stopping)
      return told{"in standby: the next request starts it", in_phase()};
    std::string text = e.by_user ? "stopped, as it was asked to" : "ended by itself";
    if (!e.reason.empty()) text += ": " + e.reason;
    if (e.exit_known) text += " (exit code " + std::to_string(e.exit_code) + ")";
    if (now_.started_us != 0 && now_.phase != ins::lifecycle::waiting_for_template)
      text += ", after running for " + human_duration(span_us(now_.started_us, at_.event.time_us));
    return told{text, in_phase()};
  }

  std::optional<told> operator()(const events::instance_failed& e) const {
    std::string where;
    if (now_.phase == ins::lifecycle::waiting_for_template)
      where = " while it waited for " + template_name(now_.template_id) + ",";
    return told{"failed" + where + " at stage " + e.stage + ": " + e.reason, in_phase(),
                e.console_tail};
  }

  std::optional<told> operator()(const events::instance_changed&) const {
    return told{"changed " + caused_by(at_.event.why)};
  }

  std::optional<told> operator()(const events::instance_restart_scheduled& e) const {
    return told{"its restart policy starts it again (restart " + std::to_string(e.restart) +
                "), not before " + clock_text(e.not_before_us)};
  }

  std::optional<told> operator()(const events::instance_autokilled& e) const {
    if (e.requests != 0)
      return told{"deleted: it has served " + std::to_string(e.requests) + " requests"};
    return told{"deleted: it was stopped for " +
                human_duration(static_cast<std::int64_t>(e.idle_ms) * 1000)};
  }

  std::optional<told> operator()(const events::instance_deleted&) const {
    return told{"deleted " + caused_by(at_.event.why)};
  }

  template <class Other>
  std::optional<told> operator()(const Other&) const {
    return std::nullopt;
  }

 private:
  std::string template_name(const std::string& uuid) const {
    if (at_.names.find("template/" + uuid) == nullptr && !now_.template_name.empty())
      return "template " + now_.template_name;
    return spoken(at_.names, "template/" + uuid);
  }

  std::string attempt_text(std::uint32_t attempt) const {
    return attempt > 1 ? " (attempt " + std::to_string(attempt) + ")" : "";
  }

  bool lost() const {
    return now_.phase == ins::lifecycle::cloning || now_.phase == ins::lifecycle::booting;
  }

  // Somebody may be tired of waiting for it.
  bool drains() const {
    return now_.phase == ins::lifecycle::draining && at_.event.why.source != events::origin::api;
  }

  std::string drained_text() const {
    const bool late = at_.event.why.source == events::origin::timer;
    const std::string why = late ? "its time to drain is over" : "it has nothing in hand any more";
    return why + (now_.drain->suspend ? ": it is suspended" : ": it is stopped");
  }

  static std::string restarted() { return "its VM was gone after the daemon's restart"; }

  std::string waiting_text(const tpl::state& from, const std::string& name) const {
    switch (from.phase) {
      case tpl::lifecycle::snapshotted:
        return "; " + name + " is ready";
      case tpl::lifecycle::cold:
        return "; " + name + " is cold: it boots";
      case tpl::lifecycle::waiting_for_parent:
      case tpl::lifecycle::preparing:
      case tpl::lifecycle::awaiting_guest_signal:
      case tpl::lifecycle::snapshotting:
        return "; it joins the preparation of " + name + " that is under way (attempt " +
               std::to_string(from.attempt) + running_for() + started_for(from) + ")";
      case tpl::lifecycle::preparation_failed:
        return "; " + name + (tpl::stale(from) ? " is stale" : " failed before") +
               " and has to be prepared again";
      default:
        return "; " + name + " has to be prepared first";
    }
  }

  std::string running_for() const {
    if (!earlier_.preparing_since_us) return "";
    return ", begun " + human_duration(span_us(*earlier_.preparing_since_us, at_.event.time_us)) +
           " before";
  }

  std::string started_for(const tpl::state& from) const {
    if (from.caused_by.empty()) return "";
    return from.caused_by == at_.event.why.request_id ? " for the same request"
                                                      : " for request " + from.caused_by;
  }

  std::optional<std::int64_t> in_phase() const {
    if (now_.phase_since_us == 0) return std::nullopt;
    return span_us(now_.phase_since_us, at_.event.time_us);
  }

  const scene& at_;
  const memory& earlier_;
  const ins::state& now_;
};

}  // namespace

std::optional<told> instance_words(const scene& at, const memory& earlier) {
  return std::visit(words(at, earlier), at.event.what);
}

}  // namespace platen::cli
