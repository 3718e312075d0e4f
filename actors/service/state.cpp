#include "actors/service/state.hpp"

namespace platen::actors::service_group {

namespace {

template <class Event>
settings settings_of(const Event& e) {
  return {e.services, e.domains, e.soft_limit, e.hard_limit, e.autokill_ms};
}

class folder {
 public:
  folder(state& s, const events::envelope& at) : s_(s), at_(at) {}

  void operator()(const events::service_group_requested& e) {
    s_.name = e.name;
    s_.persistent = e.persistent;
    s_.how = settings_of(e);
    s_.phase = lifecycle::active;
    s_.created_us = at_.time_us;
    s_.empty_since_us = at_.time_us;
  }

  void operator()(const events::service_group_changed& e) { s_.how = settings_of(e); }

  void operator()(const events::service_group_joined& e) {
    s_.instances.insert(e.instance_id);
    s_.empty_since_us = 0;
  }

  void operator()(const events::service_group_left& e) {
    s_.instances.erase(e.instance_id);
    s_.scaled.erase(e.instance_id);
    s_.leaving.erase(e.instance_id);
    if (s_.instances.empty()) s_.empty_since_us = at_.time_us;
  }

  void operator()(const events::service_group_deleted& e) {
    s_.phase = lifecycle::deleted;
    s_.deletion_reason = e.reason;
  }

  void operator()(const events::autoscale_configured& e) {
    s_.scaling = e;
    s_.scale_failures = 0;
  }

  void operator()(const events::autoscale_removed&) { s_.scaling.reset(); }

  void operator()(const events::scaled_out& e) {
    s_.scaled.insert(e.instance_id);
    s_.scaled_out_us = at_.time_us;
  }

  void operator()(const events::scaled_in& e) {
    s_.leaving.insert(e.instance_id);
    s_.scaled_in_us = at_.time_us;
    if (e.policy != failure_policy) return;
    const bool same_row = at_.time_us - s_.scale_failed_us < failure_row_us;
    s_.scale_failures = same_row ? s_.scale_failures + 1 : 1;
    s_.scale_failed_us = at_.time_us;
  }

  template <class Other>
  void operator()(const Other&) {}

 private:
  state& s_;
  const events::envelope& at_;
};

}  // namespace

void fold_into(state& value, const events::envelope& event) {
  value.version = event.version;
  // So that a state may be forgotten: nothing that follows would bring it back.
  if (!forgettable(value)) std::visit(folder(value, event), event.what);
}

state evolve(state before, const events::envelope& event) {
  fold_into(before, event);
  return before;
}

std::string_view to_string(lifecycle value) {
  switch (value) {
    case lifecycle::none:
      return "none";
    case lifecycle::active:
      return "active";
    case lifecycle::deleted:
      return "deleted";
  }
  return "unknown";
}

bool forgettable(const state& value) {
  return value.phase == lifecycle::deleted;
}

effects wanted(const state& value) {
  const bool expires =
      value.phase == lifecycle::active && value.instances.empty() && value.how.autokill_ms > 0;
  if (!expires) return {};
  return {value.empty_since_us + static_cast<std::int64_t>(value.how.autokill_ms) * 1000};
}

std::set<std::string> to_be_made(const state& value) {
  std::set<std::string> ids;
  for (const auto& id : value.scaled)
    if (!value.leaving.contains(id) && !value.instances.contains(id)) ids.insert(id);
  return ids;
}

std::set<std::string> to_be_ended(const state& value) {
  return value.leaving;
}

}  // namespace platen::actors::service_group
