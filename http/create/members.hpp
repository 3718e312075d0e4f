// The members of a create request that the API has and Platen has not.
#pragma once

#include "http/request/object_reader.hpp"

namespace platen::http {

inline void refuse_members_to_come(object_reader& reader) {
  reader.not_supported_yet(
      {"annotations",  "autokill",      "branch_from",    "checkpoint",    "delete_lock",
       "dependencies", "features",      "gateway",        "gpus",          "max_memory_mb",
       "max_vcpus",    "min_memory_mb", "min_vcpus",      "nameserver",    "network_interfaces",
       "plugins",      "replicas",      "restart_policy", "scale_to_zero", "sched_priority",
       "schedules",    "tags",          "type",           "volumes"});
}

}  // namespace platen::http
