// Who the workload runs as, from the image's own /etc/passwd and /etc/group. Pure.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace platen::guest {

struct workload_user {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary ones, and gid first
  std::string home = "/";
};

// `wanted` is "name", "uid", "name:group", "uid:gid" or empty for root. Numbers need no entry;
// names do. A user given without a group has the groups of the files. The error names the entry
// that is missing.
tl::expected<workload_user, std::string> resolve_user(std::string_view wanted,
                                                      std::string_view passwd,
                                                      std::string_view group);

}  // namespace platen::guest
