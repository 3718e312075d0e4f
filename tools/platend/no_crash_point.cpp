#include "tools/platend/crash_point.hpp"

namespace platen::platend {

tl::expected<store::commit_watcher, std::string> crash_point_from(
    const std::function<std::optional<std::string>(const std::string& variable)>&) {
  return nullptr;
}

}  // namespace platen::platend
