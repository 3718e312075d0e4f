// What every implementation of event_log promises, as tests that take any of them.
#pragma once

#include <functional>
#include <memory>

#include "store/event_log.hpp"

namespace platen::store::testing {

// Runs the whole conformance suite; each test gets a fresh, empty log. To be called in a TEST_CASE.
void check_conformance(const std::function<std::unique_ptr<event_log>()>& make_log);

// An append of `count` events that are told apart by their `attempt`, which counts on from the
// expected version.
append_request request(const std::string& stream, std::uint64_t expected_version,
                       std::size_t count = 1);

// Appends and waits for the outcome.
result<appended> append_and_wait(event_log& log, append_request what);

std::vector<events::envelope> all_events(const event_log& log, std::uint64_t after = 0);

std::vector<events::envelope> stream_events(const event_log& log, const std::string& stream,
                                            std::uint64_t after = 0);

}  // namespace platen::store::testing
