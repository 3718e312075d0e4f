// Proof that a log is what was written: the whole chain, from the first event to the newest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/event_log.hpp"

namespace platen::store {

struct verify_report {
  std::uint64_t first = 0;         // the event that the log begins with; 0: there is none
  std::uint64_t events = 0;        // that verified, from the first on
  std::uint64_t withheld = 0;      // of them: only the header is there, which verified
  std::uint64_t streams = 0;       // that they belong to
  std::uint64_t checkpoints = 0;   // that verified
  std::uint64_t covered = 0;       // the newest event that a checkpoint vouches for; 0: none
  head verified;                   // the newest event that verified
  std::optional<error> first_bad;  // its sequence (0: no single event is to blame) and why

  bool ok() const { return !first_bad; }
};

// Walks all events: sequences without gaps, every record's layout, hash, payload digest and link to
// its predecessor, versions without gaps in every stream, and the index of the streams.
// Thread-safe; the log may grow meanwhile. Of a log that does not begin with event 1 (a segment
// from the middle of one) every stream may begin with any version.
//
// Checkpoints in the log have to fit it, and carry their signer's signature.
struct verify_options {
  // Heads noted earlier in another place: the log must still contain them. A chain alone does not
  // show that its end was cut off or that all of it was written anew.
  std::vector<head> witnesses;
  // The public key (64 hex digits) that every checkpoint must be signed with; nothing: any.
  std::optional<std::string> trusted_key;
};

verify_report verify(const event_log& log, const verify_options& how);

inline verify_report verify(const event_log& log,
                            const std::optional<head>& witness = std::nullopt) {
  verify_options how;
  if (witness) how.witnesses = {*witness};
  return verify(log, how);
}

}  // namespace platen::store
