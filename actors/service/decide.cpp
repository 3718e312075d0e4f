#include "actors/service/decide.hpp"

namespace platen::actors::service_group {

namespace {

using kind = rejection::kind;

constexpr std::size_t instances_limit = 4096;

events::event deleted(std::string reason) {
  events::service_group_deleted event;
  event.reason = std::move(reason);
  return event;
}

events::event joined(std::string instance_id) {
  events::service_group_joined event;
  event.instance_id = std::move(instance_id);
  return event;
}

events::event left(std::string instance_id) {
  events::service_group_left event;
  event.instance_id = std::move(instance_id);
  return event;
}

class decider {
 public:
  explicit decider(const state& now) : now_(now) {}

  outcome operator()(const request& c) const {
    if (now_.phase != lifecycle::none)
      return refuse(kind::wrong_state, "the service group exists already");
    const settings all{c.what.services, c.what.domains, c.what.soft_limit, c.what.hard_limit,
                       c.what.autokill_ms};
    if (const auto wrong = fault_of(all)) return refuse(kind::invalid, *wrong);
    std::vector<events::event> events{c.what};
    if (!c.first_instance.empty()) events.push_back(joined(c.first_instance));
    return events;
  }

  outcome operator()(const join& c) const {
    if (!active()) return gone();
    if (now_.instances.contains(c.instance_id)) return nothing();
    if (now_.instances.size() >= instances_limit)
      return refuse(kind::quota, "the service group has " + std::to_string(instances_limit) +
                                     " instances, the limit");
    return one(joined(c.instance_id));
  }

  outcome operator()(const leave& c) const {
    const bool known =
        now_.instances.contains(c.instance_id) || now_.leaving.contains(c.instance_id);
    if (!active() || !known) return nothing();
    std::vector<events::event> events{left(c.instance_id)};
    if (!now_.persistent && now_.instances.size() == 1) events.push_back(deleted("empty"));
    return events;
  }

  outcome operator()(const change& c) const {
    if (!active()) return gone();
    if (const auto wrong = fault_of(c.to)) return refuse(kind::invalid, *wrong);
    if (c.to == now_.how) return nothing();
    events::service_group_changed event;
    event.services = c.to.services;
    event.domains = c.to.domains;
    event.soft_limit = c.to.soft_limit;
    event.hard_limit = c.to.hard_limit;
    event.autokill_ms = c.to.autokill_ms;
    return one(std::move(event));
  }

  outcome operator()(const configure_autoscale& c) const {
    if (!active()) return gone();
    if (!now_.persistent)
      return refuse(kind::wrong_state,
                    "a service group that was made with an instance goes with "
                    "it: autoscale needs one made by itself");
    if (const auto wrong = fault_of(c.how)) return refuse(kind::invalid, *wrong);
    if (now_.scaling == c.how) return nothing();
    return one(c.how);
  }

  outcome operator()(const remove_autoscale&) const {
    if (!active()) return gone();
    if (!now_.scaling)
      return refuse(kind::wrong_state, "autoscale is not configured for this service group");
    std::vector<events::event> events;
    for (const auto& id : now_.scaled)
      if (!now_.leaving.contains(id)) events.push_back(ended(id, "", "autoscale was removed"));
    events.emplace_back(events::autoscale_removed{});
    return events;
  }

  outcome operator()(const scale& c) const {
    return decide_scaling(now_, c.seen, c.new_ids, c.now_us);
  }

  outcome operator()(const scale_failed& c) const {
    if (!active() || !now_.scaled.contains(c.instance_id)) return nothing();
    std::vector<events::event> events;
    if (!now_.leaving.contains(c.instance_id))
      events.push_back(ended(c.instance_id, std::string(failure_policy), c.reason));
    if (!now_.instances.contains(c.instance_id)) events.push_back(left(c.instance_id));
    return events;
  }

  outcome operator()(const remove&) const {
    if (!active()) return gone();
    if (now_.scaling)
      return refuse(kind::attached, "the service group has autoscale: remove that first");
    if (!now_.instances.empty())
      return refuse(kind::attached, "the service group has " +
                                        std::to_string(now_.instances.size()) +
                                        " instances: delete them first");
    return one(deleted("request"));
  }

  outcome operator()(const expire& c) const {
    const auto due_us = wanted(now_).expires_at_us;
    if (!due_us || c.due_us < *due_us) return nothing();
    return one(deleted("autokill"));
  }

 private:
  bool active() const { return now_.phase == lifecycle::active; }

  outcome gone() const {
    return refuse(kind::not_found, "No service group with uuid '" + now_.id + "'");
  }

  const state& now_;
};

}  // namespace

outcome decide(const state& now, const command& what) {
  return std::visit(decider(now), what);
}

}  // namespace platen::actors::service_group
