// The parts of platend, built in the order of their dependencies and ended in the reverse one.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "tools/platend/config.hpp"

namespace platen::platend {

class daemon {
 public:
  // Serves when it returns. The error is one sentence for the operator. If the log fails later, the
  // process ends at once with exit code 70: nothing may be acknowledged any more, and what is on
  // disk decides at the next start.
  static tl::expected<std::unique_ptr<daemon>, std::string> start(const config& how);

  // As stop().
  virtual ~daemon() = default;

  // Ends requests, actors and the log. VMs go on, unless the configuration says otherwise.
  virtual void stop() = 0;
};

}  // namespace platen::platend
