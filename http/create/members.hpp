// The members of a create request that the API has and Platen has not.
#pragma once

#include "http/request/object_reader.hpp"

namespace platen::http {

inline void refuse_members_to_come(object_reader& reader) {
  reader.not_supported_yet({"branch_from", "checkpoint", "delete_lock", "dependencies", "gateway",
                            "gpus", "max_memory_mb", "max_vcpus", "min_memory_mb", "min_vcpus",
                            "nameserver", "network_interfaces", "plugins", "sched_priority",
                            "schedules", "type", "volumes"});
}

}  // namespace platen::http
