#include "tests/simulation/clients.hpp"

#include <algorithm>
#include <array>

namespace platen::simulation {

using namespace platen::actors;

namespace {

constexpr std::array<const char*, 10> verbs{
    "create",          "start",           "stop",    "force stop", "delete",
    "delete template", "change template", "suspend", "doze",       "convert"};
constexpr std::size_t instance_names = 6;
constexpr std::size_t template_names = 3;
constexpr std::array<std::uint64_t, 6> autokills_ms{0, 0, 0, 0, 150, 2000};
constexpr std::array<const char*, 5> restart_policies{"", "", "", "on-failure", "always"};

}  // namespace

clients::command& clients::note(kind what, int life) {
  auto& asked = commands_.emplace_back();
  asked.what = what;
  asked.life = life;
  asked.request_id = "r" + std::to_string(commands_.size());
  return asked;
}

void clients::send_one(control_plane& plane, int life) {
  present_life_ = life;
  const auto roll = random_.below(100);
  const auto what = roll < 35   ? kind::create
                    : roll < 50 ? kind::start
                    : roll < 58 ? kind::suspend
                    : roll < 64 ? kind::doze
                    : roll < 69 ? kind::convert
                    : roll < 77 ? kind::stop
                    : roll < 82 ? kind::force_stop
                    : roll < 91 ? kind::remove
                    : roll < 97 ? kind::remove_template
                                : kind::change_template;
  auto& asked = note(what, life);
  what == kind::create ? create(plane, asked) : change(plane, asked);
}

// Mostly one that exists, sometimes one that did, rarely one that never did.
std::string clients::some_instance(const control_plane& plane) {
  for (const auto& one : plane.instances())
    if (seen_instances_.empty() || random_.below(3) == 0) seen_instances_.push_back(one->id);
  if (seen_instances_.empty() || random_.below(20) == 0) return "nobody";
  const auto living = plane.instances();
  return living.empty() || random_.below(8) == 0 ? random_.pick(seen_instances_)
                                                 : random_.pick(living)->id;
}

std::string clients::some_template(const control_plane& plane) {
  const auto living = plane.templates();
  if (!living.empty()) seen_templates_.push_back(random_.pick(living)->id);
  if (seen_templates_.empty() || random_.below(20) == 0) return "nobody";
  return random_.below(4) == 0 ? random_.pick(seen_templates_) : seen_templates_.back();
}

std::optional<template_wish> clients::some_wish(const control_plane& plane) {
  if (random_.below(5) == 0) return std::nullopt;
  static constexpr std::array<std::uint64_t, 4> timeouts_ms{0, 0, 130, 4000};
  template_wish wish;
  if (random_.below(8) == 0) {
    wish.which.uuid = some_template(plane);
    return wish;
  }
  // Sometimes two levels get the same name, which is refused; t0 may be nested here and plain
  // there.
  if (random_.below(12) != 0) wish.which.name = "t" + std::to_string(random_.below(template_names));
  // An instance of that name may have become a template, or be about to.
  if (random_.below(8) == 0) wish.which.name = "i" + std::to_string(random_.below(instance_names));
  wish.prepare = random_.below(8) != 0;
  wish.prepare_timeout_ms = random_.pick(timeouts_ms);
  wish.autokill_ms = random_.pick(autokills_ms);
  if (wish.which.name.empty() || random_.below(10) != 0) {
    wish.create_args.emplace();
    if (wish.prepare && random_.below(3) == 0) wish.parent = some_parent(plane);
    if (!wish.parent) wish.create_args->image = random_.below(10) == 0 ? "other:v1" : "demo:v1";
  }
  return wish;
}

std::shared_ptr<template_wish> clients::some_parent(const control_plane& plane) {
  auto wish = some_wish(plane);
  return wish ? std::make_shared<template_wish>(*std::move(wish)) : nullptr;
}

// A create with a uuid of the client's own is sometimes sent again, as it was.
create_instance clients::some_create(const control_plane& plane) {
  if (!repeatable_.empty() && random_.below(8) == 0) return random_.pick(repeatable_);
  create_instance wish;
  if (random_.below(10) != 0) wish.name = "i" + std::to_string(random_.below(instance_names));
  wish.autostart = random_.below(5) != 0;
  wish.from = some_wish(plane);
  if (!wish.from) wish.spec.image = "demo:v1";
  wish.spec.restart_policy = random_.pick(restart_policies);
  wish.spec.autokill_ms = random_.pick(autokills_ms);
  if (random_.below(3) == 0) {
    wish.spec.scale_to_zero = "on";
    wish.spec.stateful = random_.below(2) == 0;
  }
  wish.spec.delete_on_stop = wish.spec.restart_policy.empty() && random_.below(12) == 0;
  if (random_.below(4) == 0) {
    wish.uuid = "own" + std::to_string(repeatable_.size());
    repeatable_.push_back(wish);
  }
  return wish;
}

void clients::create(control_plane& plane, command& asked) {
  auto wish = some_create(plane);
  asked.wants_preparation = wish.from && wish.from->prepare;
  asked.wished_uuid = wish.uuid;
  asked.target =
      wish.name +
      (wish.from ? " of " + wish.from->which.name + wish.from->which.uuid : " of its image") +
      (wish.autostart ? "" : ", not started") + (wish.uuid.empty() ? "" : ", as " + wish.uuid);
  out_.line("client", asked.request_id + " create " + asked.target);
  plane.create(std::move(wish), {asked.request_id, "client", events::origin::api},
               answer_to<created>(asked));
}

void clients::change(control_plane& plane, command& asked) {
  const bool of_template =
      asked.what == kind::remove_template || asked.what == kind::change_template;
  asked.target = of_template ? some_template(plane) : some_instance(plane);
  const auto uuid = asked.target;
  const events::cause why{asked.request_id, "client", events::origin::api};
  out_.line("client",
            asked.request_id + " " + verbs.at(static_cast<std::size_t>(asked.what)) + " " + uuid);
  switch (asked.what) {
    case kind::create:
      return;
    case kind::start:
      return plane.start_instance(uuid, why, answer_to<instance_ptr>(asked));
    case kind::stop:
      return plane.stop_instance(uuid, {false, 50}, why, answer_to<instance_ptr>(asked));
    case kind::force_stop:
      return plane.stop_instance(uuid, {true, 0}, why, answer_to<instance_ptr>(asked));
    case kind::suspend:
      return plane.suspend_instance(uuid, 0, why, answer_to<instance_ptr>(asked));
    case kind::doze:
      return plane.doze_instance(uuid, why, answer_to<instance_ptr>(asked));
    case kind::convert:
      return plane.convert_instance(uuid, random_.pick(autokills_ms), why,
                                    answer_to<instance_ptr>(asked));
    case kind::remove:
      return plane.delete_instance(uuid, why, answer_to<instance_ptr>(asked));
    case kind::remove_template:
      return plane.delete_template(uuid, why, answer_to<template_ptr>(asked));
    case kind::change_template: {
      vm_template::change change;
      if (random_.below(2) == 0) change.delete_lock = random_.below(3) == 0;
      if (random_.below(2) == 0) change.autokill_ms = random_.pick(autokills_ms);
      return plane.change_template(uuid, change, why, answer_to<template_ptr>(asked));
    }
  }
}

// ---- answers
// -------------------------------------------------------------------------------------

template <class T>
control_plane::callback<T> clients::answer_to(command& asked) {
  return [this, &asked](answer<T> given) {
    if (++asked.answers > 1)
      judge_.require("nobody_is_answered_twice", asked.request_id + " was answered twice");
    if (asked.life != present_life_) return;
    judge_.read_log();
    out_.mix(given ? 1 : 2);
    if (given) {
      out_.line("client", asked.request_id + " is done");
      asked.acknowledged = true;
      ++acknowledged_;
      acknowledge(asked, *given);
    } else {
      out_.line("client", asked.request_id + " is refused: " + given.error().message);
      asked.refused = given.error().what != rejection::kind::unavailable;
    }
  };
}

template <class State>
void clients::must_be_durable(command& asked, const State& answer) {
  asked.entity = answer.id;
  asked.version = answer.version;
  judge_.require("an_acknowledged_state_is_in_the_log",
                 an_acknowledged_state_is_in_the_log(judge_.events(), answer));
}

void clients::acknowledge(command& asked, const created& answer) {
  must_be_durable(asked, *answer.instance);
  const auto made = judge_.events().events_of(asked.request_id, "InstanceRequested");
  // One that was sent before may have been carried out then.
  const bool by_own_uuid = !asked.wished_uuid.empty() && made == 0;
  if (by_own_uuid ? answer.instance->id != asked.wished_uuid : made != 1)
    judge_.require("a_create_is_in_the_log_once", asked.request_id + " is not in the log once");
  if (!answer.of || !asked.wants_preparation) return;
  judge_.require("an_acknowledged_state_is_in_the_log",
                 an_acknowledged_state_is_in_the_log(judge_.events(), *answer.of));
  // Either the log has the preparation, or it has an instance that waits for it.
  const auto& of = judge_.log().templates.at(answer.of->id);
  const auto& one = judge_.log().instances.at(answer.instance->id);
  if (of.phase == vm_template::lifecycle::requested && one.phase == instance::lifecycle::stopped)
    judge_.require("an_acknowledged_preparation_is_in_the_log",
                   asked.request_id +
                       " was acknowledged, but nothing in the log makes anybody "
                       "prepare its template");
}

void clients::acknowledge(command& asked, const instance_ptr& answer) {
  using phase = instance::lifecycle;
  must_be_durable(asked, *answer);
  const auto is = answer->phase;
  const auto one_of = [is](std::initializer_list<phase> all) {
    return std::find(all.begin(), all.end(), is) != all.end();
  };
  const auto as_asked = [&] {
    switch (asked.what) {
      case kind::start:
        return one_of({phase::waiting_for_template, phase::cloning, phase::booting, phase::resuming,
                       phase::running});
      case kind::remove:
        return is == phase::deleted;
      case kind::suspend:
        return one_of({phase::suspending, phase::suspended}) && !answer->standby;
      case kind::doze:
        return is != phase::running || !instance::scales_to_zero(answer->spec);
      case kind::convert:
        return is == phase::converting;
      case kind::stop:
        return one_of({phase::stopping, phase::stopped, phase::failed, phase::suspending,
                       phase::suspended}) &&
               !answer->standby;
      default:
        return one_of({phase::stopping, phase::stopped, phase::failed});
    }
  };
  if (!as_asked())
    judge_.require("an_answer_shows_what_was_asked",
                   asked.request_id + " was answered " + std::string(to_string(is)));
}

void clients::acknowledge(command& asked, const template_ptr& answer) {
  must_be_durable(asked, *answer);
  if (gone(*answer) != (asked.what == kind::remove_template))
    judge_.require("an_answer_shows_what_was_asked",
                   asked.request_id + " was answered " + std::string(shown_lifecycle(*answer)));
}

// ---- in the end
// ----------------------------------------------------------------------------------

complaint clients::every_command_is_answered(int life) const {
  for (const auto& asked : commands_)
    if (asked.life == life && asked.answers != 1)
      return asked.request_id + " (" + verbs.at(static_cast<std::size_t>(asked.what)) + " " +
             asked.target + ") was answered " + std::to_string(asked.answers) + " times";
  return {};
}

complaint clients::what_was_refused_was_not_done() const {
  static constexpr std::array<const char*, 8> effects{
      "InstanceRequested",     "InstanceStopRequested",      "InstanceDeleted",
      "TemplateDeleted",       "InstanceStartRequested",     "InstanceSuspendRequested",
      "InstanceResumeStarted", "InstanceConversionRequested"};
  for (const auto& asked : commands_)
    for (const auto* effect : effects)
      if (asked.refused && judge_.events().events_of(asked.request_id, effect) != 0)
        return asked.request_id + " was refused, but the log has its " + effect;
  return {};
}

complaint clients::what_was_acknowledged_is_in_the_log(const oracle& log) const {
  for (const auto& asked : commands_) {
    if (!asked.acknowledged) continue;
    const bool there = asked.what == kind::remove_template || asked.what == kind::change_template
                           ? log.template_at(asked.entity, asked.version) != nullptr
                           : log.instance_at(asked.entity, asked.version) != nullptr;
    if (!there)
      return asked.request_id + " was acknowledged with version " + std::to_string(asked.version) +
             " of " + asked.entity + ", which is not in the log";
  }
  return {};
}

}  // namespace platen::simulation
