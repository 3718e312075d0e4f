// Gives events their place: checks the expected version, hands out sequences and versions without
// gaps and links the hash chain. Belongs to the one writer of a log; not thread-safe.
#pragma once

#include <unordered_map>

#include "store/prepared_append.hpp"

namespace platen::store {

using stream_versions = std::unordered_map<std::string, std::uint64_t>;

// The records of one request, in order; the first has `place.first_sequence`, the last has
// `place.version`.
struct sequenced {
  appended place;
  std::vector<std::string> records;
};

class sequencer {
 public:
  sequencer() = default;
  sequencer(head newest, stream_versions versions);

  // kind::version_conflict, naming both versions, if the stream is not where the caller believes;
  // nothing changed then. Otherwise the events count as written from here on: a writer that then
  // fails to write them must not use the sequencer again.
  result<sequenced> assign(const prepared_append& request);

  const head& newest() const { return newest_; }

 private:
  head newest_;
  stream_versions versions_;
};

}  // namespace platen::store
