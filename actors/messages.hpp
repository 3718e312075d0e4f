// What actors say to each other. In-process only: nothing here is ever serialised.
#pragma once

#include <caf/all.hpp>
#include <string>

#include "actors/control_plane.hpp"
#include "actors/entity.hpp"
#include "actors/instance/decide.hpp"
#include "actors/service/decide.hpp"
#include "actors/template/decide.hpp"

namespace platen::actors {

using template_ask = ask<vm_template::state, vm_template::command>;
using group_ask = ask<service_group::state, service_group::command>;
using instance_ask = ask<instance::state, instance::command>;

// Sent once to each entity after a restart, when the hypervisor is ready for orders.
struct begin {
  bool adopt = false;  // its VM still runs
  bool lost = false;   // its VM is gone
};

// Instance, or template that is nested in another, to registry to that template: the borrower wants
// a clone.
struct lease {
  std::string template_id;
  std::string borrower_id;
  events::cause why;
  caf::actor borrower;  // receives lease_granted or lease_refused, exactly once
  // Names the wait: an instance's version, a template's attempt. The answer repeats it, so that who
  // gave up and asked again meanwhile does not take it for the answer to the second lease.
  std::uint64_t waiting_version = 0;
  // Where the template is gone, the one that has its name now will do; empty: it will not.
  std::string or_named;
};
struct lease_granted {
  std::uint64_t waiting_version = 0;
  std::string template_id;
  std::string snapshot_id;  // empty: a cold template, boot
};
struct lease_refused {
  std::uint64_t waiting_version = 0;
  std::string stage;
  std::string reason;
  std::string console_tail;
};

// Borrower to registry to template: what became of the clone.
struct lease_returned {
  std::string template_id;
  std::string borrower_id;
  bool running = false;
  std::string damaged_snapshot;  // not empty: it did not verify, for this reason:
  std::string reason;
  events::cause why;
  std::string or_named;  // as in the lease
};

// Borrower to registry to template: it does not depend on the template any more.
struct hold_released {
  std::string template_id;
  std::string by;
  events::cause why;
  std::string or_named;  // as in the lease
};

// Control plane to registry.
struct create_message {
  create_instance wish;
  events::cause why;
  control_plane::callback<created> done;
  // How often its template was gone by the time it was to be held.
  unsigned tries = 0;
  // It names no template itself; without the factory's it boots.
  bool from_factory = false;
  std::string note = {};  // for its answer
};
struct template_message {
  std::string uuid;
  template_ask ask;
};
struct instance_message {
  std::string uuid;
  instance_ask ask;
};
struct template_wanted {
  template_wish wish;
  events::cause why;
  control_plane::callback<template_ptr> done;
};
struct group_create_message {
  group_wish wish;
  events::cause why;
  control_plane::callback<group_ptr> done;
};
struct group_change_message {
  std::string uuid;
  service_group::edit what;
  events::cause why;
  control_plane::callback<group_ptr> done;
};
struct group_message {
  std::string uuid;
  group_ask ask;
};
// Service groups to themselves: a request or a change was carried out, or refused.
struct group_settled {
  std::string uuid;
  bool done = false;
};
// Registry to service groups: the instance of a create is to be a member. Answered by group_joined.
struct group_join {
  create_message create;
  std::string instance_id;
  std::string template_id;  // empty: none
  caf::actor answer_to;
};
struct group_joined {
  create_message create;
  std::string instance_id;
  std::string template_id;
  answer<group_ptr> result;
};
// Registry to service groups: the instance is deleted, or was not made after all.
struct instance_gone {
  std::string instance_id;
};
// Control plane, or an instance whose guest asks for it, to registry: the instance is to become a
// template.
struct convert_message {
  std::string uuid;
  instance::convert what;
  events::cause why;
  control_plane::callback<instance_ptr> done;
};
// Registry to itself: the instance has answered.
struct convert_answered {
  std::string name;
};
// Registry to instance: the conversion that its guest asked for is not possible.
struct signal_refused {
  std::uint32_t attempt = 0;
};
// Control plane to registry to instance: scale to zero is about to put it to sleep, or is not.
struct sleep_announced {
  std::string uuid;
  hypervisor::sleep_news what = hypervisor::sleep_news::coming;
};
// Instance that converts to registry: all that its template needs is there.
struct conversion_ready {
  std::string uuid;
  std::optional<events::template_snapshotted> snapshot;  // none: it becomes a cold template
  events::cause why;
};
// Template that was an instance to registry: it is durable.
struct taken_over {
  std::string uuid;
};
// Registry to itself: the template of a create is durable.
struct template_confirmed {
  create_message create;
  std::string template_id;
  std::string instance_id;
  tl::expected<template_ptr, rejection> result;
};
// Registry to itself: the instance of a create is durable, or was refused.
struct instance_confirmed {
  std::string instance_id;
  std::string template_id;  // empty: none is held for it
  answer<created> result;
  events::cause why;
};
// Control plane to registry, once: the hypervisor takes orders now.
struct go {};
// Entity to registry: it is deleted, its name is free again.
struct retired {
  std::string uuid;
  bool is_template = false;  // a template may have the UUID of the instance that it was
};
// Entity to registry: deleted, and nothing is left to do. Answered by farewell.
struct finished {
  std::string uuid;
  bool is_template = false;
};
// Registry to entity: no message follows.
struct farewell {};

}  // namespace platen::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::template_ask)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::instance_ask)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::begin)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::lease)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::lease_granted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::lease_refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::lease_returned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::hold_released)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::create_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::template_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::instance_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::template_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::group_ask)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::group_create_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::group_change_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::group_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::group_settled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::group_join)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::group_joined)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::instance_gone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::template_confirmed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::instance_confirmed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::convert_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::convert_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::signal_refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::sleep_announced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::conversion_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::taken_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::go)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::retired)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::finished)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::farewell)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::hypervisor::report)
