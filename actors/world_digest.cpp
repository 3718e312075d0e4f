#include "actors/world_digest.hpp"

#include "actors/state_codec.hpp"
#include "events/hash.hpp"

namespace platen::actors {

void world_digest::add(const events::digest& state) {
  unsigned carry = 0;
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const unsigned total = sum_[i] + state[i] + carry;
    sum_[i] = static_cast<std::uint8_t>(total);
    carry = total >> 8U;
  }
  ++entities_;
}

void world_digest::remove(const events::digest& state) {
  unsigned borrow = 0;
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const unsigned subtrahend = state[i] + borrow;
    borrow = sum_[i] < subtrahend ? 1 : 0;
    sum_[i] = static_cast<std::uint8_t>(sum_[i] - subtrahend);
  }
  --entities_;
}

std::string world_digest::to_hex() const {
  return events::to_hex(sum_);
}

std::optional<world_digest> world_digest::from(const std::string& hex, std::uint64_t entities) {
  const auto sum = events::digest_from_hex(hex);
  if (!sum) return std::nullopt;
  world_digest result;
  result.sum_ = *sum;
  result.entities_ = entities;
  return result;
}

world_digest digest_of(const world& all) {
  world_digest result;
  for (const auto& [id, state] : all.templates)
    if (!forgettable(state)) result.add(state_hash(state));
  for (const auto& [id, state] : all.instances)
    if (!forgettable(state)) result.add(state_hash(state));
  for (const auto& [id, state] : all.services)
    if (!forgettable(state)) result.add(state_hash(state));
  return result;
}

}  // namespace platen::actors
