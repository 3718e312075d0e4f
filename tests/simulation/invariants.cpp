#include "tests/simulation/invariants.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace platen::simulation {

using namespace platen::actors;

namespace {

using instance_phase = instance::lifecycle;
using template_phase = vm_template::lifecycle;

template <class Map>
const typename Map::mapped_type* find(const Map& in, const typename Map::key_type& id) {
  const auto found = in.find(id);
  return found == in.end() ? nullptr : &found->second;
}

std::string shown(const hypervisor::vm_ref& vm) {
  return vm.id + "." + std::to_string(vm.attempt);
}

bool preparing(const vm_template::state& entity) {
  return entity.phase == template_phase::preparing ||
         entity.phase == template_phase::awaiting_guest_signal ||
         entity.phase == template_phase::snapshotting;
}

bool is_gone(const vm_template::state& entity) {
  return gone(entity);
}
bool is_gone(const instance::state& entity) {
  return forgettable(entity);
}

bool has_vm(const instance::state& entity) {
  return entity.phase == instance_phase::cloning || entity.phase == instance_phase::booting ||
         entity.phase == instance_phase::running || entity.phase == instance_phase::draining ||
         entity.phase == instance_phase::stopping || entity.phase == instance_phase::suspending ||
         entity.phase == instance_phase::resuming ||
         (entity.phase == instance_phase::converting && !entity.becomes->snapshot_id.empty());
}

bool of_an_entity(const events::envelope& event) {
  return event.stream != system_stream;
}

}  // namespace

// ---- of each event
// -------------------------------------------------------------------------------

complaint sequences_and_versions_have_no_gaps(const world& before, std::uint64_t newest_version,
                                              const events::envelope& event) {
  if (event.sequence != before.sequence + 1)
    return "sequence " + std::to_string(event.sequence) + " follows " +
           std::to_string(before.sequence);
  if (event.version != newest_version + 1)
    return event.stream + " version " + std::to_string(event.version) + " follows " +
           std::to_string(newest_version);
  return {};
}

complaint every_event_says_why(const world&, const events::envelope& event) {
  const auto named = [&](const char* what) {
    return "event " + std::to_string(event.sequence) + " (" +
           std::string(events::type_name(event.what)) + ") has no " + what;
  };
  if (event.why.principal.empty()) return named("principal");
  if (event.time_us == 0) return named("time");
  if (of_an_entity(event) && event.why.command.empty()) return named("command");
  if (event.why.source == events::origin::api && event.why.request_id.empty())
    return named("request id");
  return {};
}

namespace {

// What an event needs of the entity it happens to; false where the attempt it speaks of is over.
class timely {
 public:
  timely(const vm_template::state* t, const instance::state* i) : t_(t), i_(i) {}

  bool operator()(const events::parent_requested& e) const { return t_->attempt + 1 == e.attempt; }
  bool operator()(const events::preparation_started& e) const {
    if (t_->phase == template_phase::waiting_for_parent) return t_->attempt == e.attempt;
    return t_->attempt + 1 == e.attempt && e.parent_snapshot_id.empty();
  }
  bool operator()(const events::preparation_scheduled& e) const {
    return t_->attempt + 1 == e.attempt && t_->phase == template_phase::preparation_failed;
  }
  bool operator()(const events::template_guest_booted& e) const {
    return t_->attempt == e.attempt && t_->phase == template_phase::preparing;
  }
  bool operator()(const events::guest_signalled& e) const {
    return t_->attempt == e.attempt && t_->phase == template_phase::awaiting_guest_signal;
  }
  bool operator()(const events::template_requested& e) const {
    return e.converted_from.empty() || i_->phase == instance_phase::converting;
  }
  bool operator()(const events::template_snapshotted& e) const {
    if (!t_->converted_from.empty())
      return t_->phase == template_phase::requested && i_->phase == instance_phase::converting &&
             i_->attempt == e.attempt && i_->becomes->snapshot_id == e.snapshot_id;
    return t_->attempt == e.attempt && t_->phase == template_phase::snapshotting;
  }
  bool operator()(const events::preparation_failed& e) const {
    return t_->attempt == e.attempt &&
           (preparing(*t_) || t_->phase == template_phase::waiting_for_parent);
  }
  bool operator()(const events::snapshot_rejected& e) const {
    return t_->attempt == e.attempt && t_->ready && t_->ready->id == e.snapshot_id;
  }
  bool operator()(const events::clone_granted& e) const {
    const bool kept_for_it = is_gone(*t_) && t_->holders.contains(e.instance_id);
    if (!cloneable(*t_) && !kept_for_it) return false;
    return t_->ready ? t_->ready->id == e.snapshot_id : t_->cold && e.snapshot_id.empty();
  }
  bool operator()(const events::template_held& e) const { return !t_->holders.contains(e.by); }
  bool operator()(const events::template_released& e) const { return t_->holders.contains(e.by); }
  bool operator()(const events::template_autokilled&) const {
    return t_->autokill_ms != 0 && !t_->delete_lock && t_->clones_in_flight.empty() && settled(*t_);
  }
  bool operator()(const events::template_deleted&) const { return !t_->delete_lock; }
  bool operator()(const events::instance_restart_scheduled&) const {
    return !i_->spec.restart_policy.empty() && !has_vm(*i_);
  }
  bool operator()(const events::instance_autokilled&) const {
    return i_->spec.autokill_ms != 0 && !has_vm(*i_) && i_->restart_at_us == 0;
  }
  bool operator()(const events::clone_finished& e) const {
    return t_->clones_in_flight.contains(e.instance_id);
  }
  bool operator()(const events::instance_clone_started& e) const {
    return i_->attempt + 1 == e.attempt && i_->phase == instance_phase::waiting_for_template;
  }
  bool operator()(const events::instance_boot_started& e) const {
    return i_->attempt + 1 == e.attempt && i_->phase != instance_phase::running;
  }
  bool operator()(const events::instance_running& e) const {
    return i_->attempt == e.attempt &&
           (i_->phase == instance_phase::cloning || i_->phase == instance_phase::booting ||
            i_->phase == instance_phase::resuming);
  }
  bool operator()(const events::instance_suspend_requested& e) const {
    return i_->attempt == e.attempt &&
           (i_->phase == instance_phase::running || i_->phase == instance_phase::draining ||
            i_->phase == instance_phase::suspending || has_suspended_state(*i_));
  }
  bool operator()(const events::instance_suspended& e) const {
    return i_->attempt == e.attempt && i_->phase == instance_phase::suspending;
  }
  bool operator()(const events::instance_suspend_failed& e) const {
    return i_->attempt == e.attempt && i_->phase == instance_phase::suspending;
  }
  bool operator()(const events::instance_resume_started& e) const {
    return i_->attempt + 1 == e.attempt && e.suspended_attempt != 0 &&
           i_->suspended_attempt == e.suspended_attempt;
  }
  bool operator()(const events::instance_conversion_requested& e) const {
    if (e.snapshot_id.empty()) return !has_vm(*i_) && i_->suspended_attempt == 0;
    return i_->attempt == e.attempt && i_->phase == instance_phase::running;
  }
  bool operator()(const events::instance_conversion_failed& e) const {
    return i_->attempt == e.attempt && i_->phase == instance_phase::converting;
  }
  bool operator()(const events::instance_converted&) const {
    return i_->phase == instance_phase::converting && t_->phase != template_phase::none;
  }
  bool operator()(const events::instance_stop_requested& e) const {
    return i_->attempt == e.attempt && has_vm(*i_);
  }
  bool operator()(const events::instance_stopped& e) const {
    const bool calls_restart_off = i_->attempt == e.attempt && i_->restart_at_us != 0;
    const bool wakes_no_more = i_->phase == instance_phase::standby || has_suspended_state(*i_);
    return under_way(e.attempt) || calls_restart_off || wakes_no_more;
  }
  bool operator()(const events::instance_failed& e) const {
    return under_way(e.attempt) || (has_suspended_state(*i_) && i_->suspended_attempt == e.attempt);
  }
  template <class Other>
  bool operator()(const Other&) const {
    return true;
  }

 private:
  bool under_way(std::uint32_t attempt) const {
    return i_->attempt == attempt &&
           (has_vm(*i_) || i_->phase == instance_phase::waiting_for_template);
  }

  const vm_template::state* t_;
  const instance::state* i_;
};

}  // namespace

complaint no_event_is_of_an_attempt_that_is_over(const world& before,
                                                 const events::envelope& event) {
  static const vm_template::state no_template;
  static const instance::state no_instance;
  const auto id = id_of(event.stream);
  const auto* t = find(before.templates, id);
  const auto* i = find(before.instances, id);
  if (std::visit(timely(t ? t : &no_template, i ? i : &no_instance), event.what)) return {};
  return std::string(events::type_name(event.what)) + " happened to " + event.stream + ", which " +
         (t ? "is " + std::string(shown_lifecycle(*t)) + " in attempt " + std::to_string(t->attempt)
          : i ? "is " + std::string(to_string(i->phase)) + " in attempt " +
                    std::to_string(i->attempt)
              : "does not exist");
}

complaint one_preparation_at_a_time(const world& before, const events::envelope& event) {
  if (!std::holds_alternative<events::preparation_started>(event.what)) return {};
  const auto* entity = find(before.templates, id_of(event.stream));
  // Only a VM that was lost with an earlier daemon is followed by another one at once.
  if (entity && preparing(*entity) && event.why.source != events::origin::reconcile)
    return "a preparation of " + event.stream + " was started while attempt " +
           std::to_string(entity->attempt) + " is under way";
  return {};
}

complaint a_deleted_entity_stays_deleted(const world& before, const events::envelope& event) {
  const auto id = id_of(event.stream);
  // An instance that became a template shares its UUID with that.
  const bool of_template = actors::is_template_stream(event.stream);
  const auto* t = of_template ? find(before.templates, id) : nullptr;
  const auto* i = of_template ? nullptr : find(before.instances, id);
  // Those who hold a template that is gone still have its snapshot.
  const bool of_its_holders = std::holds_alternative<events::clone_granted>(event.what) ||
                              std::holds_alternative<events::clone_finished>(event.what) ||
                              std::holds_alternative<events::snapshot_rejected>(event.what) ||
                              std::holds_alternative<events::template_released>(event.what);
  if (!(t && is_gone(*t) && !of_its_holders) && !(i && is_gone(*i))) return {};
  return std::string(events::type_name(event.what)) + " happened to " + event.stream +
         ", which is deleted";
}

// ---- of each order
// -------------------------------------------------------------------------------

namespace {

bool should_live(const world& log, const hypervisor::vm_ref& vm) {
  if (const auto* t = find(log.templates, vm.id)) {
    const auto want = wanted(*t);
    return want.attempt == vm.attempt &&
           (want.vm == vm_template::vm_goal::booted || want.vm == vm_template::vm_goal::frozen);
  }
  const auto* i = find(log.instances, vm.id);
  if (i == nullptr) return false;
  const auto want = wanted(*i);
  return want.attempt == vm.attempt &&
         (want.vm == instance::vm_goal::booted || want.vm == instance::vm_goal::cloned ||
          want.vm == instance::vm_goal::resumed || want.vm == instance::vm_goal::frozen ||
          want.vm == instance::vm_goal::stopped || i->phase == instance_phase::suspending);
}

// Its memory is on the disk, and somebody may go on from it.
bool should_stay_asleep(const world& log, const hypervisor::vm_ref& vm) {
  const auto* i = find(log.instances, vm.id);
  return i != nullptr && !is_gone(*i) && i->suspended_attempt == vm.attempt;
}

complaint unless(bool kept, const char* what, const hypervisor::vm_ref& vm) {
  if (kept) return {};
  return std::string(what) + " of VM " + shown(vm) + " without an event in the log that wants it";
}

}  // namespace

complaint a_boot_has_a_durable_intent(const world& log, const hypervisor::boot_order& order) {
  const auto* t = find(log.templates, order.vm.id);
  const auto* i = find(log.instances, order.vm.id);
  const bool wanted_by_template =
      t && wanted(*t).vm == vm_template::vm_goal::booted && wanted(*t).attempt == order.vm.attempt;
  const bool wanted_by_instance =
      i && wanted(*i).vm == instance::vm_goal::booted && wanted(*i).attempt == order.vm.attempt;
  return unless(wanted_by_template || wanted_by_instance, "boot", order.vm);
}

complaint a_clone_has_a_durable_intent(const world& log, const hypervisor::clone_order& order) {
  const auto* t = find(log.templates, order.vm.id);
  const auto* i = find(log.instances, order.vm.id);
  const bool wanted_by_template = t && wanted(*t).vm == vm_template::vm_goal::booted &&
                                  wanted(*t).attempt == order.vm.attempt &&
                                  t->parent_snapshot_id == order.snapshot_id;
  const bool wanted_by_instance = i && wanted(*i).vm == instance::vm_goal::cloned &&
                                  wanted(*i).attempt == order.vm.attempt &&
                                  i->snapshot_id == order.snapshot_id;
  return unless(wanted_by_template || wanted_by_instance, "clone", order.vm);
}

complaint a_snapshot_has_a_durable_intent(const world& log,
                                          const hypervisor::snapshot_order& order) {
  const auto* t = find(log.templates, order.vm.id);
  const auto* i = find(log.instances, order.vm.id);
  const bool wanted_by_template = t && wanted(*t).vm == vm_template::vm_goal::frozen &&
                                  wanted(*t).attempt == order.vm.attempt &&
                                  wanted(*t).keep_snapshot == order.snapshot_id;
  const bool wanted_by_instance = i && wanted(*i).vm == instance::vm_goal::frozen &&
                                  wanted(*i).attempt == order.vm.attempt &&
                                  wanted(*i).keep_snapshot == order.snapshot_id;
  return unless(wanted_by_template || wanted_by_instance, "snapshot", order.vm);
}

complaint a_suspend_has_a_durable_intent(const world& log, const hypervisor::vm_ref& vm) {
  const auto* i = find(log.instances, vm.id);
  return unless(i && i->phase == instance_phase::suspending && i->attempt == vm.attempt, "suspend",
                vm);
}

complaint a_resume_has_a_durable_intent(const world& log, const hypervisor::resume_order& order) {
  const auto* i = find(log.instances, order.vm.id);
  return unless(i && wanted(*i).vm == instance::vm_goal::resumed &&
                    wanted(*i).attempt == order.vm.attempt &&
                    wanted(*i).kept_attempt == order.suspended_attempt,
                "resume", order.vm);
}

complaint only_what_should_live_is_adopted(const world& log, const hypervisor::vm_ref& vm) {
  return unless(should_live(log, vm), "adoption", vm);
}

complaint only_what_should_end_is_ended(const world& log, const hypervisor::vm_ref& vm) {
  const auto* i = find(log.instances, vm.id);
  return unless(i && wanted(*i).vm == instance::vm_goal::stopped && i->attempt == vm.attempt,
                "stop", vm);
}

complaint nothing_that_should_live_is_removed(const world& log, const hypervisor::vm_ref& vm) {
  if (!should_live(log, vm) && !should_stay_asleep(log, vm)) return {};
  // Found asleep after a restart: there is nobody to be asked to end.
  const auto* i = find(log.instances, vm.id);
  if (i && i->phase == instance_phase::stopping && i->force_stop) return {};
  return "VM " + shown(vm) + " is removed although the log wants it";
}

complaint no_snapshot_that_is_needed_is_removed(const world& log, const std::string& snapshot_id) {
  for (const auto& [id, entity] : log.templates)
    if (wanted(entity).keep_snapshot == snapshot_id)
      return "snapshot " + snapshot_id + " is removed although template " + id + " needs it";
  // From when there is the template, the snapshot is the template's affair.
  for (const auto& [id, entity] : log.instances)
    if (!is_gone(entity) && wanted(entity).keep_snapshot == snapshot_id &&
        !log.templates.contains(id))
      return "snapshot " + snapshot_id + " is removed although instance " + id + " becomes it";
  return {};
}

// ---- of each answer
// ------------------------------------------------------------------------------

namespace {

template <class State>
complaint in_the_log(const State* durable, const State& shown_state, const char* which) {
  const auto named =
      which + std::string(" ") + shown_state.id + " version " + std::to_string(shown_state.version);
  if (durable == nullptr) return named + " is not in the log";
  if (!(*durable == shown_state)) return named + " is another one in the log";
  return {};
}

}  // namespace

complaint an_acknowledged_state_is_in_the_log(const oracle& log, const instance::state& answer) {
  return in_the_log(log.instance_at(answer.id, answer.version), answer, "acknowledged instance");
}

complaint an_acknowledged_state_is_in_the_log(const oracle& log, const vm_template::state& answer) {
  return in_the_log(log.template_at(answer.id, answer.version), answer, "acknowledged template");
}

// ---- after each step
// -----------------------------------------------------------------------------

namespace {

template <class Map>
complaint unique_names(const Map& entities) {
  std::set<std::string_view> names;
  for (const auto& [id, entity] : entities)
    if (!is_gone(entity) && !entity.name.empty() && !names.insert(entity.name).second)
      return "the name " + entity.name + " is taken twice";
  return {};
}

}  // namespace

complaint names_are_unique(const world& log) {
  if (auto wrong = unique_names(log.templates)) return wrong;
  return unique_names(log.instances);
}

complaint a_cloning_instance_is_in_flight_at_its_template(const world& log) {
  for (const auto& [id, entity] : log.instances) {
    if (entity.phase != instance_phase::cloning) continue;
    const auto* of = find(log.templates, entity.template_id);
    if (of == nullptr || !of->clones_in_flight.contains(id))
      return "instance " + id + " is cloning, but its template does not know";
  }
  for (const auto& [id, entity] : log.templates) {
    if (entity.phase != template_phase::preparing || entity.parent_snapshot_id.empty()) continue;
    const auto* parent = find(log.templates, entity.parent_id);
    if (parent == nullptr || !parent->clones_in_flight.contains(id))
      return "template " + id + " is made from a clone of which its parent does not know";
  }
  return {};
}

complaint there_are_no_more_than_allowed(const world& log) {
  const auto living = [](const auto& entities) {
    return static_cast<std::size_t>(
        std::count_if(entities.begin(), entities.end(),
                      [&](const auto& entry) { return !is_gone(entry.second); }));
  };
  const auto instances = living(log.instances);
  const auto templates = living(log.templates);
  if (instances <= limits::instances && templates <= limits::templates) return {};
  return "there are " + std::to_string(instances) + " instances and " + std::to_string(templates) +
         " templates";
}

complaint a_published_state_is_in_the_log(const oracle& log, const control_plane& plane) {
  for (const auto& one : plane.instances())
    if (auto wrong = in_the_log(log.instance_at(one->id, one->version), *one, "published instance"))
      return wrong;
  for (const auto& one : plane.templates())
    if (auto wrong = in_the_log(log.template_at(one->id, one->version), *one, "published template"))
      return wrong;
  return {};
}

complaint an_entity_has_one_living_vm(const hypervisor::sim_world& machine) {
  const std::string* living = nullptr;
  for (const auto& [ref, vm] : machine.vms) {
    if (!vm.alive) continue;
    // The map is in the order of the ids.
    if (living != nullptr && *living == ref.id) return "two VMs of " + ref.id + " live";
    living = &ref.id;
  }
  return {};
}

// ---- when nothing is under way
// -------------------------------------------------------------------

namespace {

template <class Map, class Published>
complaint same(const Map& log, const Published& published) {
  std::size_t living = 0;
  for (const auto& [id, entity] : log)
    living += is_gone(entity) ? 0 : 1;
  if (living != published.size())
    return std::to_string(published.size()) + " entities are published, the log has " +
           std::to_string(living);
  for (const auto& one : published)
    if (!(*one == log.at(one->id)))
      return "published " + one->id + " version " + std::to_string(one->version) +
             ", the log has version " + std::to_string(log.at(one->id).version);
  return {};
}

}  // namespace

complaint what_is_published_is_what_the_log_says(const world& log, const control_plane& plane) {
  if (auto wrong = same(log.templates, plane.templates())) return wrong;
  return same(log.instances, plane.instances());
}

// ---- at the end
// ----------------------------------------------------------------------------------

complaint everything_is_settled(const world& log) {
  for (const auto& [id, entity] : log.templates)
    // One that nobody ever wanted prepared stays as it was requested.
    if (!settled(entity) && entity.phase != template_phase::requested)
      return "template " + id + " is still " + std::string(shown_lifecycle(entity));
  for (const auto& [id, entity] : log.instances)
    if (!settled(entity))
      return "instance " + id + " is still " + std::string(to_string(entity.phase));
  return {};
}

complaint no_lease_is_forgotten(const world& log) {
  for (const auto& [id, entity] : log.templates)
    if (!entity.clones_in_flight.empty())
      return "template " + id + " still waits for the clone of " + *entity.clones_in_flight.begin();
  for (const auto& [id, entity] : log.templates)
    for (const auto& holder : entity.holders) {
      const auto* one = find(log.instances, holder);
      const auto* nested = find(log.templates, holder);
      if ((one == nullptr || is_gone(*one)) && (nested == nullptr || is_gone(*nested)))
        return "template " + id + " is held for " + holder + ", which is gone";
    }
  return {};
}

complaint what_should_live_lives(const world& log, const hypervisor::sim_world& machine) {
  for (const auto& [id, entity] : log.instances) {
    const auto* vm = find(machine.vms, {id, entity.attempt});
    if (entity.phase == instance_phase::running && (vm == nullptr || !vm->alive))
      return "instance " + id + " is running without a VM";
    const bool asleep =
        entity.phase == instance_phase::suspended || entity.phase == instance_phase::standby;
    if (asleep && has_suspended_state(entity) && (vm == nullptr || !vm->suspended))
      return "instance " + id + " is suspended without its memory";
  }
  for (const auto& [id, entity] : log.templates)
    if (entity.phase == template_phase::snapshotted &&
        !machine.snapshots.contains(entity.ready->id))
      return "template " + id + " is without its snapshot";
  return {};
}

complaint nothing_is_left_behind(const world& log, const hypervisor::sim_world& machine) {
  for (const auto& [ref, vm] : machine.vms) {
    const auto* t = find(log.templates, ref.id);
    const auto* i = find(log.instances, ref.id);
    const bool owned = (t && !is_gone(*t) && t->attempt == ref.attempt) ||
                       (i && !is_gone(*i) && i->attempt == ref.attempt) ||
                       should_stay_asleep(log, ref);
    if (!owned) return "VM " + shown(ref) + " has no owner";
    if (vm.alive && !should_live(log, ref))
      return "VM " + shown(ref) + " lives, but nobody wants it";
    if (vm.suspended && !should_stay_asleep(log, ref))
      return "VM " + shown(ref) + " is suspended, but nobody goes on from it";
  }
  for (const auto& snapshot : machine.snapshots) {
    bool needed = false;
    for (const auto& [id, entity] : log.templates)
      needed = needed || wanted(entity).keep_snapshot == snapshot;
    if (!needed) return "snapshot " + snapshot + " is needed by nobody";
  }
  return {};
}

}  // namespace platen::simulation
