#include "store/state_cache.hpp"

namespace platen::store {

result<std::optional<state_mark>> memory_state_cache::mark() const {
  const std::lock_guard guard(mutex_);
  return mark_;
}

result<std::optional<std::string>> memory_state_cache::find(const std::string& stream) const {
  const std::lock_guard guard(mutex_);
  const auto found = states_.find(stream);
  if (found == states_.end()) return std::nullopt;
  return found->second;
}

result<void> memory_state_cache::visit_all(const visitor& visit) const {
  const auto states = [this] {
    const std::lock_guard guard(mutex_);
    return states_;
  }();
  for (const auto& [stream, state] : states)
    if (!visit(stream, state)) break;
  return {};
}

result<void> memory_state_cache::write(const state_mark& mark, const std::vector<change>& changes) {
  const std::lock_guard guard(mutex_);
  mark_ = mark;
  for (const auto& one : changes) {
    if (one.state)
      states_[one.stream] = *one.state;
    else
      states_.erase(one.stream);
  }
  return {};
}

result<void> memory_state_cache::clear() {
  const std::lock_guard guard(mutex_);
  mark_.reset();
  states_.clear();
  return {};
}

}  // namespace platen::store
