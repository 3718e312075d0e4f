// What a VM is made of, as members of an instance or template object.
#pragma once

#include "events/event.hpp"
#include "http/request/envelope.hpp"

namespace platen::http {

// image, memory_mb, vcpus, args and env
void put_frozen_parts(const events::vm_spec& spec, json_object& into);
// hostname and roms, where there are any
void put_own_parts(const events::vm_spec& spec, json_object& into);
// services, with their address on loopback while they have one
// Tags, annotations and what becomes of it when it stops.
void put_settings(const events::vm_spec& spec, json_object& into);

void put_services(const events::vm_spec& spec, json_object& into);

}  // namespace platen::http
