// A log out of segment files: somebody else's incident, or a backup, to be listed, replayed and
// verified without importing it.
#pragma once

#include "store/segment/segment_reader.hpp"

namespace platen::store {

// Read only. Its first event need not be the first of the log it was taken from: reading begins
// with the first there is. Events that are withheld are visited as an unknown_event with their type
// and no bytes, their record ends after the header. Thread-safe.
//
// Each read goes through the files from their beginning: reading one stream takes as long as
// reading everything.
class segment_log final : public event_log {
 public:
  // Opens one or more files that continue each other, in any order. Every byte is compared with
  // the files' digests. Errors as those of segment_reader, and kind::invalid, naming the files, if
  // events between them are missing or they are of different logs.
  static result<std::unique_ptr<segment_log>> open(const std::vector<std::string>& paths);

  // For open(): in order.
  explicit segment_log(std::vector<segment_reader> files) : files_(std::move(files)) {}

  // True if the log begins with the first event ever and none is withheld.
  bool is_whole() const;
  std::uint64_t first() const { return files_.front().info().first; }

  result<void> read_stream_records(const std::string& stream, std::uint64_t after_version,
                                   const record_visitor& visit) const override;
  result<void> read_records(std::uint64_t after_sequence,
                            const record_visitor& visit) const override;
  head newest() const override;

  // Refused: kind::closed.
  void append(append_request request, append_callback done) override;
  // Never calls back.
  std::uint64_t subscribe(listener) override { return 0; }
  void unsubscribe(std::uint64_t) override {}

 private:
  std::vector<segment_reader> files_;
};

}  // namespace platen::store
