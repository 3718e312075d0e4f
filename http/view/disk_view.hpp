// What files take on disk, as members of the API.
#pragma once

#include <vector>

#include "http/request/envelope.hpp"
#include "hypervisor/hypervisor.hpp"

namespace platen::http {

// {logical_bytes, allocated_bytes, shared_bytes, parts: {memory: {...}, ...}}; parts of the same
// name are one.
json_object disk_json(const std::vector<hypervisor::disk_part>& parts);

// disk_logical_bytes, disk_allocated_bytes and disk_shared_bytes of all parts; nothing if there are
// none.
void put_disk_metrics(const std::vector<hypervisor::disk_part>& parts, json_object& into);

}  // namespace platen::http
