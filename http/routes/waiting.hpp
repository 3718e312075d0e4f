// Waiting for an instance, within a bound, not longer than the server runs and not for a client
// that has left.
#pragma once

#include <algorithm>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "http/connection/departures.hpp"
#include "http/request/wait_time.hpp"
#include "http/routes/api.hpp"

namespace platen::http {

using wait_deadline = actors::control_plane::deadline;

// From now; bounds too long to be represented are for ever.
wait_deadline deadline_of(const wait_time& wait);

// A request among those that wait, for as long as it lives.
struct waiting_place {
  capacity::lease place;
  departures::watch client;
};

// For the request of the calling thread; 503 if there is no place.
answer_or_error<waiting_place> take_waiting_place(api& with);

// What ends a wait early.
struct wait_end {
  wait_deadline deadline;
  std::stop_token left;  // asked to stop when the client has left
};

// Of one item of a request; `place` is empty where nothing is waited for.
inline wait_end end_of(const wait_time& wait, const std::optional<waiting_place>& place) {
  return {deadline_of(wait), place ? place->client.left() : std::stop_token()};
}

// The waits of a request: one place for all of its items, if any of them waits, and what ends each.
// All bounds count from here, so that a list takes no longer than its longest.
struct waits {
  std::optional<waiting_place> place;
  std::vector<wait_end> ends;  // in the order of the items
};

// `wait_of` gives an item's wait_time. 503 if there is no place.
template <class Items, class WaitOf>
answer_or_error<waits> begin_waits(api& with, const Items& items, WaitOf wait_of) {
  waits made;
  if (std::any_of(items.begin(), items.end(),
                  [&](const auto& one) { return wait_of(one).waits(); })) {
    auto taken = take_waiting_place(with);
    if (!taken) return tl::unexpected(taken.error());
    made.place.emplace(*std::move(taken));
  }
  for (const auto& one : items)
    made.ends.push_back(end_of(wait_of(one), made.place));
  return made;
}

// The same of targets whose options have a member `wait`.
template <class Targets>
answer_or_error<waits> begin_waits(api& with, const Targets& targets) {
  return begin_waits(with, targets, [](const auto& one) { return one.options.wait; });
}

// Nobody is there any more for what was waited for: the answer is no result of the request.
bool interrupted(const api& with, const wait_end& end);

// Adds the instance's item to `into`: as success if it is running or was since `starts_before`,
// else as stopped, timed out or interrupted. `show` is used for success.
void add_started(api& with, item_list& into, const actors::instance::state& latest,
                 std::uint32_t starts_before, const wait_end& end, json_object shown_when_running);

// Blocks until the instance needs no further waiting (running, stopped, failed, deleted).
actors::instance_ptr await_settled(const api& with, const std::string& uuid, const wait_end& end);

// Why an instance does not run: "boot: the kernel did not start".
std::string reason_not_running(const actors::instance::state& value);

}  // namespace platen::http
