// A log copied once into an unnamed temporary file, so that it can be walked forward and back as
// often as one likes, whether it came from disk or over the network. Memory: 24 bytes an event.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <vector>

#include "store/event_log.hpp"
#include "tools/platen/outcome.hpp"

namespace platen::cli {

// Events have a position, 0 to size() - 1, beside their sequence: a part of a log need not begin at
// sequence 1. Where a log withholds what happened, so does its copy. Not thread-safe.
class spool {
 public:
  // Reads all of the log, which verifies it.
  static result<spool> of(const store::event_log& log);

  std::size_t size() const { return index_.size(); }
  result<events::envelope> at(std::size_t position) const;
  std::uint64_t sequence_at(std::size_t position) const { return index_[position].sequence; }

  // Visits the events at positions from, from + 1, ... until `visit` returns false or `to` (not
  // visited) is reached.
  using visitor = std::function<bool(const events::envelope&)>;
  result<void> each(std::size_t from, std::size_t to, const visitor& visit) const;
  result<void> each(const visitor& visit) const { return each(0, size(), visit); }

  // How many events, from the beginning, have a sequence up to this one.
  std::size_t count_up_to_sequence(std::uint64_t sequence) const;

  // How many events lie up to and including the last one recorded at or before this time.
  std::size_t count_up_to_time(std::int64_t time_us) const;

 private:
  struct entry {
    std::uint64_t sequence = 0;
    std::int64_t time_us = 0;
    std::uint64_t end = 0;  // of its record in the file; it begins where the one before ends
  };
  struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::unique_ptr<std::FILE, closer> file_;
  std::vector<entry> index_;
};

}  // namespace platen::cli
