// The listeners of a log. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "store/event_log.hpp"

namespace platen::store {

class subscribers {
 public:
  std::uint64_t add(event_log::listener tell);

  // After it returned the listener is not called again; it waits for a call that is under way on
  // another thread. A listener may remove itself or others.
  void remove(std::uint64_t token);

  // Calls every listener in the order of their subscription.
  void tell(std::uint64_t newest_sequence);

 private:
  std::recursive_mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<const event_log::listener>> listeners_;
  std::uint64_t last_token_ = 0;
};

}  // namespace platen::store
