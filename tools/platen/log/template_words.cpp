#include "hypervisor/hypervisor.hpp"
#include "tools/platen/log/event_line.hpp"
#include "tools/platen/log/words.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

namespace tpl = actors::vm_template;

const tpl::state& template_before(const scene& at) {
  static const tpl::state unknown;
  const auto slash = at.event.stream.find('/');
  const auto found = at.before.templates.find(at.event.stream.substr(slash + 1));
  return found == at.before.templates.end() ? unknown : found->second;
}

std::string spec_text(const events::vm_spec& spec) {
  std::string out = "image " + spec.image;
  if (spec.memory_mb != 0) out += ", " + std::to_string(spec.memory_mb) + " MB";
  if (spec.vcpus != 0) out += ", " + std::to_string(spec.vcpus) + " vCPU";
  return out;
}

std::string attempt_text(std::uint32_t attempt) {
  return "(attempt " + std::to_string(attempt) + ")";
}

class words {
 public:
  words(const scene& at, const memory& earlier)
      : at_(at), earlier_(earlier), now_(template_before(at)) {}

  std::optional<told> operator()(const events::template_requested& e) const {
    if (!e.converted_from.empty())
      return told{std::string("was an instance until now") + (e.cold ? ", cold" : "") + ": " +
                  spec_text(*e.spec)};
    auto text = "asked for " + caused_by(at_.event.why) + ": " + spec_text(*e.spec);
    if (!e.parent_id.empty()) text += ", to be made from template " + e.parent_name;
    if (e.cold) text += ", not to be prepared";
    if (e.prepare_timeout_ms != 0)
      text += ", to be ready within " +
              human_duration(static_cast<std::int64_t>(e.prepare_timeout_ms) * 1000);
    return told{text};
  }

  std::optional<told> operator()(const events::parent_requested& e) const {
    auto text = "a clone of its parent " + spoken(at_.names, "template/" + e.parent_id) +
                " is asked for " + attempt_text(e.attempt) + " " + caused_by(at_.event.why);
    if (e.deadline_us != 0) text += "; it has until " + clock_text(e.deadline_us);
    return told{text};
  }

  std::optional<told> operator()(const events::template_held& e) const {
    return told{"is depended on by " + borrower(e.by)};
  }

  std::optional<told> operator()(const events::template_released& e) const {
    return told{"is no longer depended on by " + borrower(e.by)};
  }

  std::optional<told> operator()(const events::template_changed& e) const {
    std::string text = "changed " + caused_by(at_.event.why);
    if (e.delete_lock != now_.delete_lock)
      text += e.delete_lock ? "; locked against deletion" : "; its delete lock is taken away";
    if (e.autokill_ms != now_.autokill_ms)
      text += "; " + (e.autokill_ms == 0
                          ? std::string("kept until it is deleted")
                          : "kept for " + milliseconds(e.autokill_ms) + " after its last clone");
    if (e.tags != now_.spec.tags) text += "; other tags";
    return told{text};
  }

  std::optional<told> operator()(const events::template_autokilled& e) const {
    return told{"deleted: nobody cloned it for " + milliseconds(e.idle_ms) + still_held()};
  }

  std::optional<told> operator()(const events::preparation_scheduled& e) const {
    return told{"asked for again " + caused_by(at_.event.why) + "; the next preparation " +
                attempt_text(e.attempt) + " waits for the backoff until " +
                clock_text(e.not_before_us)};
  }

  std::optional<told> operator()(const events::preparation_started& e) const {
    if (!e.parent_snapshot_id.empty())
      return told{"its parent's clone is granted: preparation begins " + attempt_text(e.attempt),
                  in_phase()};
    auto text = "preparation begins " + attempt_text(e.attempt) + " " + caused_by(at_.event.why);
    if (at_.event.why.command == "vm_lost" || preparing())
      text = "the VM of attempt " + std::to_string(now_.attempt) +
             " was gone after the daemon's restart: preparation begins again " +
             attempt_text(e.attempt);
    else if (tpl::stale(now_))
      text = "its snapshot was stale: preparation begins again " + attempt_text(e.attempt) + " " +
             caused_by(at_.event.why);
    else if (now_.phase == tpl::lifecycle::preparation_failed)
      text =
          "preparation is tried again " + attempt_text(e.attempt) + " " + caused_by(at_.event.why);
    if (e.deadline_us != 0) text += "; it has until " + clock_text(e.deadline_us);
    return told{text};
  }

  std::optional<told> operator()(const events::template_guest_booted& e) const {
    return told{"the guest has booted (" + e.accelerator + ", process " + std::to_string(e.pid) +
                    "); its signal is awaited",
                in_phase()};
  }

  std::optional<told> operator()(const events::guest_signalled&) const {
    return told{"the guest says that it is warm; the machine is frozen", in_phase()};
  }

  std::optional<told> operator()(const events::template_snapshotted& e) const {
    const auto total = e.memory_bytes + e.state_bytes + e.disk_bytes;
    auto text = "the snapshot is taken: " + human_bytes(total) + " (memory " +
                human_bytes(e.memory_bytes) + ", devices " + human_bytes(e.state_bytes) +
                ", disk " + human_bytes(e.disk_bytes) + ")";
    return told{text + whole_preparation(), in_phase()};
  }

  std::optional<told> operator()(const events::preparation_failed& e) const {
    auto text = "preparation failed " + attempt_text(e.attempt) + " at stage " + e.stage + ": " +
                e.reason + whole_preparation();
    if (e.retry_after_ms != 0)
      text += "; no other attempt for " +
              human_duration(static_cast<std::int64_t>(e.retry_after_ms) * 1000);
    return told{text, in_phase(), e.console_tail};
  }

  std::optional<told> operator()(const events::snapshot_rejected& e) const {
    if (e.reason.starts_with(hypervisor::stale_snapshot))
      return told{"its snapshot is " + e.reason + "; the next request prepares it anew"};
    return told{"its snapshot is damaged (" + e.reason + "); no further clone is made of it"};
  }

  std::optional<told> operator()(const events::clone_granted& e) const {
    return told{"grants " + borrower(e.instance_id) + " a clone"};
  }

  std::optional<told> operator()(const events::clone_finished& e) const {
    const auto who = borrower(e.instance_id);
    std::optional<std::int64_t> took;
    if (earlier_.granted_us) took = span_us(*earlier_.granted_us, at_.event.time_us);
    return told{
        e.running ? "the clone for " + who + " runs" : "the clone for " + who + " did not come up",
        took};
  }

  std::optional<told> operator()(const events::template_deleted&) const {
    return told{"deleted " + caused_by(at_.event.why) + still_held()};
  }

  template <class Other>
  std::optional<told> operator()(const Other&) const {
    return std::nullopt;
  }

 private:
  // An instance, or a template that is nested in this one.
  std::string borrower(const std::string& id) const {
    const auto nested = "template/" + id;
    return spoken(at_.names, at_.names.find(nested) != nullptr ? nested : "instance/" + id);
  }

  static std::string milliseconds(std::uint64_t ms) {
    return human_duration(static_cast<std::int64_t>(ms) * 1000);
  }

  std::string still_held() const {
    if (now_.holders.empty()) return "";
    return "; its snapshot is kept for " + std::to_string(now_.holders.size()) +
           " that depend on it";
  }

  bool preparing() const {
    return now_.phase == tpl::lifecycle::preparing ||
           now_.phase == tpl::lifecycle::awaiting_guest_signal ||
           now_.phase == tpl::lifecycle::snapshotting;
  }

  std::optional<std::int64_t> in_phase() const {
    if (now_.phase_since_us == 0) return std::nullopt;
    return span_us(now_.phase_since_us, at_.event.time_us);
  }

  std::string whole_preparation() const {
    if (!earlier_.preparing_since_us) return "";
    return ", after " + human_duration(span_us(*earlier_.preparing_since_us, at_.event.time_us)) +
           " of preparation";
  }

  const scene& at_;
  const memory& earlier_;
  const tpl::state& now_;
};

}  // namespace

std::optional<told> template_words(const scene& at, const memory& earlier) {
  return std::visit(words(at, earlier), at.event.what);
}

}  // namespace platen::cli
