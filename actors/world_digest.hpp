// One hash for the states of all entities, kept up to date as single states change.
#pragma once

#include <string>

#include "actors/replay.hpp"

namespace platen::actors {

// The sum, modulo 2^256, of the state hashes of all entities that are not forgettable(): it does
// not depend on their order, and a change costs two hashes however many entities there are. It
// finds accidents and disagreements between programs; against forgery there is the hash chain.
class world_digest {
 public:
  void add(const events::digest& state);
  void remove(const events::digest& state);

  std::uint64_t entities() const { return entities_; }
  // 64 lower-case hex digits.
  std::string to_hex() const;

  // What to_hex() and entities() gave. Nothing if `hex` is not 64 hex digits.
  static std::optional<world_digest> from(const std::string& hex, std::uint64_t entities);

  friend bool operator==(const world_digest&, const world_digest&) = default;

 private:
  events::digest sum_{};  // little-endian
  std::uint64_t entities_ = 0;
};

world_digest digest_of(const world& all);

}  // namespace platen::actors
