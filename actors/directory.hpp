// The confirmed states of all entities, published by the actors and read by everybody else: reads
// never wait for an actor, and waits end by notification. Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "actors/scoped_name.hpp"

namespace platen::actors {

// State has members id, name, created_us.
template <class State>
class directory {
 public:
  using pointer = std::shared_ptr<const State>;
  using deadline = std::optional<std::chrono::steady_clock::time_point>;

  // Told of each change, with the state before (null: a new entity), on the publisher's thread.
  // Set it before anything is published.
  using observer = std::function<void(const pointer& before, const pointer& after)>;
  void observe(observer tell) { tell_ = std::move(tell); }

  void publish(pointer state) {
    const auto before = replace(state);
    if (tell_) tell_(before, state);
  }

  // The last state of an entity: waits in progress see it, later reads find nothing.
  void retire(pointer state) {
    const auto before = take_out(state);
    if (tell_ && before) tell_(before, state);
  }

  pointer by_id(const std::string& id) const {
    const std::lock_guard guard(mutex_);
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : found->second->state;
  }

  pointer by_name(const std::string& name) const {
    const std::lock_guard guard(mutex_);
    const auto found = names_.find(name);
    return found == names_.end() ? nullptr : found->second->state;
  }

  // Oldest first.
  std::vector<pointer> all() const {
    std::vector<pointer> states;
    {
      const std::lock_guard guard(mutex_);
      for (const auto& [id, slot] : entries_)
        states.push_back(slot->state);
    }
    std::sort(states.begin(), states.end(), [](const pointer& a, const pointer& b) {
      return std::tie(a->created_us, a->id) < std::tie(b->created_us, b->id);
    });
    return states;
  }

  // Clients' waits end with cancel_waits(), the daemon's own do not.
  enum class waiter { client, daemon };

  // The first state that satisfies `until`, or the latest one when the deadline passes, the entity
  // is retired, waits are cancelled or `give_up` is asked to stop. Null for an unknown id.
  pointer wait(const std::string& id, const std::function<bool(const State&)>& until, deadline when,
               waiter who = waiter::client, const std::stop_token& give_up = {}) const {
    // The entry is held here, so that it outlives its removal from the directory.
    const auto slot = entry_of(id);
    if (slot == nullptr) return nullptr;
    // Made without the lock: it may be called at once, on this thread.
    const std::stop_callback waken(give_up, [&] {
      const std::lock_guard guard(mutex_);
      slot->changed.notify_all();
    });
    std::unique_lock guard(mutex_);
    const auto over = [&] {
      return (cancelled_ && who == waiter::client) || slot->retired || give_up.stop_requested() ||
             until(*slot->state);
    };
    if (when) {
      slot->changed.wait_until(guard, *when, over);
    } else {
      slot->changed.wait(guard, over);
    }
    return slot->state;
  }

  void cancel_waits() {
    const std::lock_guard guard(mutex_);
    cancelled_ = true;
    for (const auto& [id, slot] : entries_)
      slot->changed.notify_all();
  }

 private:
  struct entry {
    pointer state;
    bool retired = false;
    std::condition_variable changed;
  };

  pointer replace(const pointer& state) {
    const std::lock_guard guard(mutex_);
    auto& slot = entries_[state->id];
    if (!slot) slot = std::make_shared<entry>();
    if (slot->state && slot->state->name != state->name) forget_name(*slot->state);
    if (!is_unnamed(state->name)) names_[state->name] = slot;
    auto before = std::exchange(slot->state, state);
    slot->changed.notify_all();
    return before;
  }

  pointer take_out(const pointer& state) {
    const std::lock_guard guard(mutex_);
    const auto found = entries_.find(state->id);
    if (found == entries_.end()) return nullptr;
    auto before = found->second->state;
    forget_name(*before);
    found->second->state = state;
    found->second->retired = true;
    found->second->changed.notify_all();
    entries_.erase(found);
    return before;
  }

  // A name that was given to another entity since stays with that one.
  void forget_name(const State& of) {
    const auto found = names_.find(of.name);
    if (found != names_.end() && found->second->state->id == of.id) names_.erase(found);
  }

  std::shared_ptr<entry> entry_of(const std::string& id) const {
    const std::lock_guard guard(mutex_);
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : found->second;
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<entry>> entries_;
  std::map<std::string, std::shared_ptr<entry>> names_;  // of those that have one
  bool cancelled_ = false;
  observer tell_;
};

}  // namespace platen::actors
