// Reads a log segment file, whoever made it: nothing in it is trusted before it is checked, and
// memory is bounded by the limits of layout.hpp, whatever the file says.
#pragma once

#include <memory>
#include <string>

#include "store/record_check.hpp"
#include "store/segment/segment_writer.hpp"

namespace platen::store {

// Thread-safe.
class segment_reader {
 public:
  // Reads the file once and compares it with the SHA-256 at its end. Errors name the file, the
  // place and what to do: kind::io if it cannot be read, kind::invalid if it is no log segment,
  // kind::corrupt if it is cut off or damaged; then `sequence` is the first event concerned.
  // `env` is not owned.
  static result<segment_reader> open(const std::string& path, rocksdb::Env* env = nullptr);

  segment_reader(segment_reader&&) noexcept;
  segment_reader& operator=(segment_reader&&) noexcept;
  ~segment_reader();

  const std::string& path() const;
  const segment_info& info() const;

  // The event `sequence` and its hash; info().first - 1 is allowed. Reads the file up to there.
  result<head> head_at(std::uint64_t sequence) const;

  // Visits the records behind chain.last(), which is at least the event before the segment. False
  // if `visit` stopped it, true at the end of the segment.
  result<bool> read(chain_check& chain, const event_log::record_visitor& visit) const;

 private:
  class state;
  explicit segment_reader(std::unique_ptr<state> opened);
  std::unique_ptr<state> state_;
};

// Reads and checks every record of the file at `path`.
result<segment_info> verify_segment(const std::string& path, rocksdb::Env* env = nullptr);

}  // namespace platen::store
