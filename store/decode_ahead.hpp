// Long reads of the log, decoded on more than one thread and handed out in order.
//
// Decoding and hashing a record needs nothing but its bytes, and is most of the work of a replay;
// that each record follows the one before is for the caller to check afterwards.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "store/record_check.hpp"

namespace platen::store {

// Consecutive records as they are stored, and later what read_record() says of each.
class record_batch {
 public:
  record_batch() = default;
  explicit record_batch(std::size_t records_expected);

  void add(std::uint64_t sequence, std::string_view bytes);
  void decode();

  std::size_t size() const { return records_.size(); }
  std::size_t bytes() const { return bytes_.size(); }
  std::uint64_t sequence(std::size_t index) const { return records_[index].sequence; }
  std::string_view record(std::size_t index) const;
  const result<events::envelope>& event(std::size_t index) const { return events_[index]; }

 private:
  struct place {
    std::uint64_t sequence;
    std::size_t begin;
    std::size_t size;
  };
  std::string bytes_;
  std::vector<place> records_;
  std::vector<result<events::envelope>> events_;
};

// A first-in-first-out queue of batches whose contents are decoded meanwhile. Used by one thread;
// its helpers are started by the second batch, so that short reads need none.
class decode_ahead {
 public:
  decode_ahead() = default;
  decode_ahead(const decode_ahead&) = delete;
  decode_ahead& operator=(const decode_ahead&) = delete;
  ~decode_ahead();

  bool has_room() const { return pending_.size() < max_pending; }
  bool empty() const { return pending_.empty(); }
  void add(record_batch batch);

  // The oldest batch, decoded. Not to be called when empty.
  record_batch take();

 private:
  enum class progress { waiting, under_way, done };
  struct entry {
    record_batch batch;
    progress at = progress::waiting;
  };

  // Enough that neither reader nor helper often waits for the other.
  static constexpr std::size_t max_pending = 8;

  void start_helpers();
  void help(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::unique_ptr<entry>> pending_;
  std::vector<std::jthread> helpers_;
};

}  // namespace platen::store
