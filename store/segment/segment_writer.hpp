// Writes a log segment: a portable file with consecutive events of a log, byte for byte as they are
// stored. FORMAT.md describes it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "store/event_log.hpp"

namespace rocksdb {
class Env;
}

namespace platen::store {

// What a segment says about itself.
struct segment_info {
  std::uint64_t first = 1;       // sequences, both inclusive
  std::uint64_t last = 0;        // one before `first` if there is no event
  events::digest hash_before{};  // of the event before `first`; zeros for the first event of a log
  events::digest hash{};         // of the event `last`
  std::uint64_t withheld = 0;    // events of which only the header is there
  std::int64_t made_us = 0;      // microseconds since the Unix epoch
  std::string made_by;           // program and version; at most 255 bytes
  std::string rules;  // which events were to be withheld, in words; at most 4 KiB, longer is cut
  events::digest file_sha256{};  // of the whole file, as sha256sum prints it
  std::uint64_t file_bytes = 0;

  std::uint64_t events() const { return last + 1 - first; }
  bool complete() const { return withheld == 0; }
};

// Bounded memory: a few MiB, however long the segment is. Not thread-safe. The file has its name
// only after seal(); a writer that goes before leaves nothing behind.
class segment_writer {
 public:
  // Of `about`, first, hash_before, made_us, made_by and rules are used. kind::io if `path` cannot
  // be written; an existing file is replaced when the segment is sealed. `env` is not owned.
  static result<segment_writer> create(const std::string& path, const segment_info& about,
                                       rocksdb::Env* env = nullptr);

  segment_writer(segment_writer&&) noexcept;
  ~segment_writer();

  // The next record of the log, as event_log::read_records gives it. With `withhold`, only its
  // header goes into the file. A record whose event is withheld already stays so.
  // kind::invalid if it is not the successor of the one before.
  result<void> add(const events::envelope& event, std::string_view record, bool withhold = false);

  // Writes what is left, syncs, and gives the file its name. Nothing may be added afterwards.
  result<segment_info> seal();

 private:
  class state;
  explicit segment_writer(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

}  // namespace platen::store
