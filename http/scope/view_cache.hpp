// The views of a scope on states that are large and often looked at: made once for each state.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace platen::http {

// Thread-safe. Keeps the latest view of at most `views_limit` entities.
template <class State>
class view_cache {
 public:
  using pointer = std::shared_ptr<const State>;
  static constexpr std::size_t views_limit = 256;

  template <class Make>
  pointer of(const pointer& state, Make make) {
    {
      const std::lock_guard lock(mutex_);
      const auto kept = views_.find(state->id);
      if (kept != views_.end() && kept->second.first == state) return kept->second.second;
    }
    auto view = make(state);
    const std::lock_guard lock(mutex_);
    if (views_.size() >= views_limit) views_.clear();
    views_.insert_or_assign(state->id, std::pair(state, view));
    return view;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::pair<pointer, pointer>> views_;  // by UUID: the state and its view
};

}  // namespace platen::http
