#include "store/subscribers.hpp"

namespace platen::store {

std::uint64_t subscribers::add(event_log::listener tell) {
  const std::lock_guard lock(mutex_);
  listeners_.emplace(++last_token_, std::make_shared<const event_log::listener>(std::move(tell)));
  return last_token_;
}

void subscribers::remove(std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(token);
}

void subscribers::tell(std::uint64_t newest_sequence) {
  const std::lock_guard lock(mutex_);
  // Tokens only grow, so the walk survives listeners that come and go while it is under way.
  for (auto next = listeners_.begin(); next != listeners_.end();) {
    const auto token = next->first;
    const auto listener = next->second;
    (*listener)(newest_sequence);
    next = listeners_.upper_bound(token);
  }
}

}  // namespace platen::store
