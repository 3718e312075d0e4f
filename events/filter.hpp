// Which events somebody wants to see: one set of conditions for the API, the command line and
// exports. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "events/envelope.hpp"

namespace platen::events {

// An event passes if it meets every condition that is set; of a list, any entry suffices.
struct filter {
  std::vector<std::string> streams;  // whole names, or a kind: "template/*"
  std::vector<std::string> types;    // as in the schema: "PreparationStarted"
  std::vector<std::string> principals;
  std::vector<std::string> request_ids;
  std::vector<origin> origins;
  std::optional<std::int64_t> since_us;  // inclusive, wall clock as recorded
  std::optional<std::int64_t> until_us;  // exclusive
  std::uint64_t after = 0;               // sequences, exclusive
  std::optional<std::uint64_t> up_to;    // sequence, inclusive

  friend bool operator==(const filter&, const filter&) = default;
};

bool passes(const filter& wanted, const envelope& event);

// True if no condition is set.
bool is_unrestricted(const filter& wanted);

}  // namespace platen::events
