// The log of a running daemon, read through its API. Each record is checked here, against its own
// hash and its predecessor's: the daemon's word is not taken for it. Reading only; not thread-safe.
#pragma once

#include "store/event_log.hpp"
#include "tools/platen/client.hpp"

namespace platen::cli {

// The record in a line of GET /v1/events?records=true. A line that is the daemon's own word about a
// broken log gives that error.
store::result<std::string> record_in_line(const std::string& line);

class remote_log final : public store::event_log {
 public:
  explicit remote_log(client api) : api_(std::move(api)) {}

  store::result<void> read_records(std::uint64_t after_sequence,
                                   const record_visitor& visit) const override;
  store::result<void> read_stream_records(const std::string& stream, std::uint64_t after_version,
                                          const record_visitor& visit) const override;

  // What the last read_all saw; nothing before it.
  store::head newest() const override { return newest_; }

  // Refused: error::kind::closed.
  void append(store::append_request request, append_callback done) override;
  // Never calls back.
  std::uint64_t subscribe(listener) override { return 0; }
  void unsubscribe(std::uint64_t) override {}

 private:
  mutable client api_;
  mutable store::head newest_;
};

}  // namespace platen::cli
