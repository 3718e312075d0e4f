// Holds the checkpoints in a log against the log itself, during one walk over it.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "store/event_log.hpp"

namespace platen::store {

class checkpoint_check {
 public:
  // `trusted_key`: 64 hex digits; every checkpoint must be signed with it. Nothing: with the key it
  // names itself, which shows damage but not who signed.
  explicit checkpoint_check(std::optional<std::string> trusted_key)
      : trusted_key_(std::move(trusted_key)) {}

  // To be called with every event, in order. The text says what is wrong with a checkpoint.
  std::optional<std::string> next(const events::envelope& event);

  std::uint64_t checked() const { return checked_; }
  // The newest event that a good checkpoint vouches for; 0: none.
  std::uint64_t covered() const { return covered_; }

 private:
  std::optional<std::string> check(const events::checkpoint_signed& value) const;

  std::optional<std::string> trusted_key_;
  std::deque<head> recent_;
  std::uint64_t checked_ = 0;
  std::uint64_t covered_ = 0;
};

}  // namespace platen::store
