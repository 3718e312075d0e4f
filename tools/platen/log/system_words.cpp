#include "tools/platen/log/words.hpp"

namespace platen::cli {
namespace {

std::string range_text(std::uint64_t first, std::uint64_t last) {
  return "the events " + std::to_string(first) + " to " + std::to_string(last);
}

class words {
 public:
  words(const scene& at, const memory& earlier) : at_(at), earlier_(earlier) {}

  std::optional<told> operator()(const events::daemon_started& e) const {
    return told{"starts (version " + e.version + ", " + e.hypervisor + ", " + e.accelerator + ")"};
  }

  std::optional<told> operator()(const events::daemon_stopped&) const { return told{"stops"}; }

  std::optional<told> operator()(const events::vm_adopted& e) const {
    return told{"the VM of " + spoken(at_.names, e.kind + "/" + e.id) + " (attempt " +
                std::to_string(e.attempt) + ") still runs after the restart and is adopted"};
  }

  std::optional<told> operator()(const events::leftover_removed& e) const {
    // A snapshot is named after its template and attempt, a VM after its entity.
    auto owner = e.id;
    for (const auto* kind : {"template/", "instance/"})
      if (at_.names.find(kind + e.id) != nullptr) owner = spoken(at_.names, kind + e.id);
    return told{"removes a left-over " + (e.kind == "vm" ? std::string("VM") : e.kind) + " of " +
                owner + " (attempt " + std::to_string(e.attempt) + ") that nobody wants any more"};
  }

  std::optional<told> operator()(const events::checkpoint_signed& e) const {
    return told{"vouches for the log up to sequence " + std::to_string(e.through) + " (key " +
                e.public_key.substr(0, 16) + ")"};
  }

  std::optional<told> operator()(const events::history_archived& e) const {
    return told{"has put " + range_text(e.first, e.last) + " into " + e.file};
  }

  std::optional<told> operator()(const events::request_began& e) const {
    return told{"taken on " + caused_by(at_.event.why) + ": " + e.method + " " + e.target +
                " with Idempotency-Key " + e.key};
  }

  std::optional<told> operator()(const events::request_answered& e) const {
    std::optional<std::int64_t> took;
    if (earlier_.request_began_us) took = span_us(*earlier_.request_began_us, at_.event.time_us);
    return told{"answered with status " + std::to_string(e.status), took};
  }

  template <class Other>
  std::optional<told> operator()(const Other&) const {
    return std::nullopt;
  }

 private:
  const scene& at_;
  const memory& earlier_;
};

}  // namespace

std::optional<told> system_words(const scene& at, const memory& earlier) {
  return std::visit(words(at, earlier), at.event.what);
}

}  // namespace platen::cli
