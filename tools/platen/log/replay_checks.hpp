// Comparing what today's code makes of a log with what was made of it elsewhere. Pure but for
// reading the log they are given.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tools/platen/log/spool.hpp"
#include "tools/platen/log/state_hashes.hpp"

namespace platen::cli {

// ---- with the hashes stored in the log
// -----------------------------------------------------------

struct stored_hash_report {
  struct disagreement {
    std::uint64_t through = 0;     // the state after this sequence
    std::uint64_t checkpoint = 0;  // the sequence of the event that vouches for it
    std::string stored;
    std::string computed;
  };
  std::uint64_t agreed = 0;
  std::uint64_t disagreed = 0;
  std::uint64_t other_format = 0;  // written by a version whose states look different
  std::uint64_t without_hash = 0;
  std::uint64_t incomplete = 0;  // events before it are withheld or not in this log
  std::optional<disagreement> first;

  bool ok() const { return disagreed == 0; }
};

// Folds the log anew and compares at each CheckpointSigned that carries a state hash of today's
// format, as far as the log has all events from sequence 1 on.
result<stored_hash_report> check_stored_hashes(const spool& log);

// ---- with another program's --------------------------------------------------------------------

struct version_report {
  struct disagreement {
    std::uint64_t sequence = 0;
    std::optional<std::string> ours;  // the hash; nothing: no state there
    std::optional<std::string> theirs;
  };
  std::uint64_t compared = 0;
  std::uint64_t disagreed = 0;
  std::optional<disagreement> first;
};

// `theirs` gives the other's lines in order, nothing after the last. The states after all events
// are compared.
using state_line_source = std::function<result<std::optional<state_line>>()>;
result<version_report> compare_versions(const spool& log, const state_line_source& theirs);

}  // namespace platen::cli
