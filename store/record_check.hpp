// What a reader of the log checks about each record.
#pragma once

#include <string_view>

#include "store/event_log.hpp"

namespace platen::store {

tl::unexpected<error> corrupt(std::uint64_t sequence, std::string message);

// Decodes the record stored under `sequence` and checks that it is that record.
result<events::envelope> read_record(std::uint64_t sequence, std::string_view bytes);

// Follows consecutive records: each must be the next one and carry the hash of the one before.
class chain_check {
 public:
  // Expects the successor of `last`.
  explicit chain_check(head last) : last_(last) {}

  result<events::envelope> next(std::uint64_t sequence, std::string_view bytes);

  // The newest record that was in order.
  const head& last() const { return last_; }

 private:
  head last_;
};

// Follows one stream: versions without gaps, and every record says that it belongs to the stream.
class stream_check {
 public:
  stream_check(std::string stream, std::uint64_t after_version)
      : stream_(std::move(stream)), version_(after_version) {}

  result<events::envelope> next(std::uint64_t sequence, std::string_view bytes);

 private:
  std::string stream_;
  std::uint64_t version_;
};

}  // namespace platen::store
