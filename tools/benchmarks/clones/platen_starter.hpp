// Instances of a running platend, cold or of a template.
#pragma once

#include <filesystem>
#include <string>

#include "tools/benchmarks/clones/series.hpp"

namespace platen::benchmarks {

struct platen_target {
  std::string url;
  std::string token;
  std::string image;            // cold: booted from it
  std::string templ;            // else: cloned from this template, which is ready
  std::string group;            // a service group that forwards the workload's port
  std::string warm_up;          // of the demo image, in milliseconds
  std::filesystem::path place;  // platend\'s folder of VMs
  bool await_pool = false;      // each start waits until the template's warm pool has a clone
};

std::unique_ptr<vm_starter> make_platen_starter(const platen_target& target, unsigned memory_mb);

}  // namespace platen::benchmarks
