// What a reader of the log checks about each record.
#pragma once

#include <string_view>

#include "store/event_log.hpp"

namespace platen::store {

tl::unexpected<error> corrupt(std::uint64_t sequence, std::string message);

// Whether a record may end after its header, as those of an export with withheld events do.
enum class payloads { required, may_be_withheld };

// Decodes the record stored under `sequence` and checks that it is that record. The event of one
// that is withheld is an unknown_event with the type and no bytes.
result<events::envelope> read_record(std::uint64_t sequence, std::string_view bytes,
                                     payloads expected = payloads::required);

// read_record() of a whole record, without moving it.
void read_record_into(result<events::envelope>& slot, std::uint64_t sequence,
                      std::string_view bytes);

// Follows consecutive records: each must be the next one and carry the hash of the one before.
class chain_check {
 public:
  // Expects the successor of `last`.
  explicit chain_check(head last, payloads expected = payloads::required)
      : last_(last), expected_(expected) {}

  result<events::envelope> next(std::uint64_t sequence, std::string_view bytes);

  // The same of a record that read_record() has looked at already.
  result<void> next(std::uint64_t sequence, const result<events::envelope>& record);

  // The newest record that was in order.
  const head& last() const { return last_; }

 private:
  head last_;
  payloads expected_;
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
