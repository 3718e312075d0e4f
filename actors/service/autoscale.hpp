// How a service group makes and deletes instances by itself: what is configured, what was seen of
// its traffic, and what follows. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "events/event.hpp"

namespace platen::actors::service_group {

// The settings, as they are in the log.
using autoscale = events::autoscale_configured;

inline constexpr std::uint32_t autoscale_size_limit = 256;
inline constexpr std::size_t autoscale_policies_limit = 8;
inline constexpr std::size_t autoscale_steps_limit = 4;

// What is wrong with it: one sentence that begins with the member's name.
std::optional<std::string> fault_of(const autoscale& how);

// What is seen of one instance of the group.
struct member_load {
  std::string instance_id;
  bool ready = false;   // it takes requests
  bool failed = false;  // it ended, or could not be made, and will not come back by itself
  std::uint32_t in_flight = 0;
  std::uint64_t idle_ms = 0;  // since it had something in flight
};

// What is seen of the group at one moment.
struct load {
  std::vector<member_load> members;
  std::uint64_t requests_per_second = 0;
  bool demand = false;  // a request found no instance that could take it
};

struct state;

// That an instance of the group's own making is ended, and why.
events::scaled_in ended(std::string instance_id, std::string policy, std::string reason);

// ScaledOut and ScaledIn, or nothing. `new_ids` are UUIDs for instances to be made; it makes no
// more than there are.
std::vector<events::event> decide_scaling(const state& now, const load& seen,
                                          const std::vector<std::string>& new_ids,
                                          std::int64_t now_us);

// Milliseconds to wait before another instance after the n-th failure in a row (n from 1): 1 s,
// doubling, at most 5 min. Ten minutes without one end the row.
std::uint64_t scaling_backoff_ms(std::uint32_t failures);
inline constexpr std::int64_t failure_row_us = 600'000'000;

}  // namespace platen::actors::service_group
