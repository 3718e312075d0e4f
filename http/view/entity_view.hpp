// Instances, templates and images as JSON objects of the API.
#pragma once

#include "actors/control_plane.hpp"
#include "http/request/envelope.hpp"
#include "hypervisor/images/image_store.hpp"

namespace platen::http {

// `of` is the template it was cloned from, null if there is none (any more): what a clone shares
// with its template is shown from there.
json_object to_json(const actors::instance::state& value, const actors::vm_template::state* of);
json_object to_json(const actors::vm_template::state& value);
json_object to_json(const hypervisor::image& value);

// {uuid, name}: what failed items and lists without details carry.
json_object basics(const actors::instance::state& value);
json_object basics(const actors::vm_template::state& value);

// Of an instance with last_stop, as bits of the platform API (reference/unikraft-api.md §7.8): 1
// the kernel ended, 2 the application ended, 4 asked by the platform, 8 asked by the user, 16
// forced.
int stop_reason(const actors::instance::state& value);

// Counts of starts, when it began and ended to run, and how long it has run and took to.
void put_times(const actors::instance::state& value, json_object& into);
// warm, of a template with a snapshot, where clones are kept ready.
void put_warm(const actors::vm_template::state& value, const hypervisor::warm_pool_status& pool,
              json_object& into);
// template_time_us, of a template with a snapshot.
void put_template_time(const actors::vm_template::state& value, json_object& into);

// A service group with the instances that still exist.
json_object to_json(const actors::control_plane& in, const actors::service_group::state& value);
json_object basics(const actors::service_group::state& value);
// {enabled, ...} of its autoscale.
json_object autoscale_json(const actors::service_group::state& value);
json_object policy_json(const events::scale_policy& value);
json_object domains_json(const actors::service_group::state& value);

// {uuid, name, state}
json_object with_state(const actors::instance::state& value);

json_object failure_json(const actors::instance::failure& value);
json_object failure_json(const actors::vm_template::failure& value);

// {uuid} or {name}, as the client gave it.
json_object to_json(const actors::reference& which);

}  // namespace platen::http
