// Gives events their place: checks the expected version, hands out sequences and versions without
// gaps and links the hash chain. Belongs to the one writer of a log; not thread-safe.
#pragma once

#include <functional>
#include <unordered_map>

#include "store/prepared_append.hpp"

namespace platen::store {

// The records of one request, in order; the first has `place.first_sequence`, the last has
// `place.version`.
struct sequenced {
  appended place;
  std::vector<std::string> records;
};

class sequencer {
 public:
  // The version of a stream in what is written.
  using version_lookup = std::function<result<std::uint64_t>(const std::string& stream)>;

  // The versions of the streams that were written to last are kept, of at least so many. By the
  // time a version is forgotten, what was assigned so many streams ago must be written.
  static constexpr std::size_t remembered_streams = 1 << 17;

  sequencer(head newest, version_lookup written) : newest_(newest), written_(std::move(written)) {}

  // kind::version_conflict, naming both versions, if the stream is not where the caller believes,
  // or why its version cannot be told; nothing changed then. Otherwise the events count as written
  // from here on: a writer that then fails to write them must not use the sequencer again.
  result<sequenced> assign(const prepared_append& request);

  const head& newest() const { return newest_; }

 private:
  using versions = std::unordered_map<std::string, std::uint64_t>;

  result<std::uint64_t> version_of(const std::string& stream) const;
  void remember(const std::string& stream, std::uint64_t version);

  head newest_;
  version_lookup written_;
  versions recent_;
  versions older_;  // what recent_ was when it was full
};

}  // namespace platen::store
