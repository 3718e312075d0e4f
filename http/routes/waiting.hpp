// Waiting for an instance, within a bound and not longer than the server runs.
#pragma once

#include <optional>
#include <string>

#include "http/request/wait_time.hpp"
#include "http/routes/api.hpp"

namespace platen::http {

using wait_deadline = actors::control_plane::deadline;

// From now; bounds too long to be represented are for ever.
wait_deadline deadline_of(const wait_time& wait);

// A place among the waiting requests, or 503.
answer_or_error<capacity::lease> waiting_place(api& with);

// Adds the instance's item to `into`: as success if it is running or was since `starts_before`,
// else as stopped, timed out or interrupted. `show` is used for success.
void add_started(api& with, item_list& into, const actors::instance::state& latest,
                 std::uint32_t starts_before, json_object shown_when_running);

// Blocks until the instance needs no further waiting (running, stopped, failed, deleted).
actors::instance_ptr await_settled(const api& with, const std::string& uuid, wait_deadline until);

// Why an instance does not run: "boot: the kernel did not start".
std::string reason_not_running(const actors::instance::state& value);

}  // namespace platen::http
