#include "tools/platen/log/words.hpp"

namespace platen::cli {
namespace {

template <class Event>
std::string settings_text(const Event& e) {
  std::string out;
  for (const auto& service : e.services) {
    out += (out.empty() ? "port " : ", port ") + std::to_string(service.port) + " to " +
           std::to_string(service.destination_port);
    std::string handlers;
    for (const auto& handler : service.handlers)
      handlers += (handlers.empty() ? " (" : ", ") + handler;
    if (!handlers.empty()) out += handlers + ")";
  }
  for (const auto& domain : e.domains)
    out += ", " + domain.name;
  return out;
}

class words {
 public:
  explicit words(const scene& at) : at_(at) {}

  std::optional<told> operator()(const events::service_group_requested& e) const {
    const std::string stays = e.persistent ? "" : ", for as long as it has instances";
    return told{"asked for " + caused_by(at_.event.why) + ": " + settings_text(e) + stays};
  }
  std::optional<told> operator()(const events::service_group_changed& e) const {
    return told{"changed " + caused_by(at_.event.why) + ": " + settings_text(e)};
  }
  std::optional<told> operator()(const events::service_group_joined& e) const {
    return told{"gets " + spoken(at_.names, "instance/" + e.instance_id)};
  }
  std::optional<told> operator()(const events::service_group_left& e) const {
    return told{"loses " + spoken(at_.names, "instance/" + e.instance_id)};
  }
  std::optional<told> operator()(const events::service_group_deleted& e) const {
    if (e.reason == "empty") return told{"deleted with its last instance"};
    if (e.reason == "autokill") return told{"deleted because it was empty for too long"};
    return told{"deleted " + caused_by(at_.event.why)};
  }
  std::optional<told> operator()(const events::autoscale_configured& e) const {
    std::string policies;
    for (const auto& policy : e.policies)
      policies += (policies.empty() ? ": " : ", ") + policy.name + " (" + policy.kind + ")";
    return told{"is to have " + std::to_string(e.min_size) + " to " + std::to_string(e.max_size) +
                " clones of " + spoken(at_.names, "template/" + e.template_id) + " by itself, " +
                caused_by(at_.event.why) + policies};
  }
  std::optional<told> operator()(const events::autoscale_removed&) const {
    return told{"makes no instances by itself any more, " + caused_by(at_.event.why)};
  }
  std::optional<told> operator()(const events::scaled_out& e) const {
    return told{"makes " + spoken(at_.names, "instance/" + e.instance_id) + " by " + e.policy +
                ": " + e.reason};
  }
  std::optional<told> operator()(const events::scaled_in& e) const {
    const auto by = e.policy.empty() ? std::string() : " by " + e.policy;
    return told{"ends " + spoken(at_.names, "instance/" + e.instance_id) + by + ": " + e.reason};
  }
  std::optional<told> operator()(const events::certificate_added& e) const {
    return told{"takes the certificate " + e.name + " of " + e.subject + ", issued by " + e.issuer +
                ", " + caused_by(at_.event.why)};
  }
  std::optional<told> operator()(const events::certificate_deleted& e) const {
    return told{"removes the certificate " + e.id + " " + caused_by(at_.event.why)};
  }

  template <class Other>
  std::optional<told> operator()(const Other&) const {
    return std::nullopt;
  }

 private:
  const scene& at_;
};

}  // namespace

std::optional<told> service_words(const scene& at, const memory&) {
  return std::visit(words(at), at.event.what);
}

}  // namespace platen::cli
