#include "http/view/disk_view.hpp"

#include <algorithm>

namespace platen::http {
namespace {

using hypervisor::disk_part;
using hypervisor::disk_use;

void add(const disk_use& what, disk_use& to) {
  to.logical_bytes += what.logical_bytes;
  to.allocated_bytes += what.allocated_bytes;
  to.shared_bytes += what.shared_bytes;
}

disk_use sum_of(const std::vector<disk_part>& parts) {
  disk_use sum;
  for (const auto& part : parts)
    add(part.use, sum);
  return sum;
}

json_object to_json(const disk_use& value) {
  return {{"logical_bytes", value.logical_bytes},
          {"allocated_bytes", value.allocated_bytes},
          {"shared_bytes", value.shared_bytes}};
}

}  // namespace

json_object disk_json(const std::vector<disk_part>& parts) {
  auto into = to_json(sum_of(parts));
  std::vector<disk_part> distinct;
  for (const auto& part : parts) {
    const auto same = std::find_if(distinct.begin(), distinct.end(),
                                   [&](const auto& one) { return one.what == part.what; });
    if (same == distinct.end())
      distinct.push_back(part);
    else
      add(part.use, same->use);
  }
  auto& each = into["parts"] = json_object::object();
  for (const auto& part : distinct)
    each[std::string(part.what)] = to_json(part.use);
  return into;
}

void put_disk_metrics(const std::vector<disk_part>& parts, json_object& into) {
  if (parts.empty()) return;
  const auto sum = sum_of(parts);
  into["disk_logical_bytes"] = sum.logical_bytes;
  into["disk_allocated_bytes"] = sum.allocated_bytes;
  into["disk_shared_bytes"] = sum.shared_bytes;
}

}  // namespace platen::http
