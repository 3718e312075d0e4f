// What surrounds an event in the log: its place, its cause and its link in the hash chain.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "events/event.hpp"

namespace platen::events {

using digest = std::array<std::uint8_t, 32>;  // SHA-256

// Who set an event in motion.
enum class origin { api, guest, timer, gateway, reconcile, system };

std::string_view to_string(origin value);

// The inverse of to_string; nothing for a name this version does not know.
std::optional<origin> origin_from_string(std::string_view name);

// Why an event happened: carried by the command that led to it.
struct cause {
  std::string request_id;  // the API request, or an id made by the daemon for its own acts
  std::string principal;   // the token's id, or "platend"
  origin source = origin::system;
  std::string command = {};  // what was decided on, as `name` in decide.hpp; set when it is decided
  friend bool operator==(const cause&, const cause&) = default;
};

struct envelope {
  std::uint64_t sequence = 0;  // place in the whole log, from 1, without gaps
  std::string stream;          // "template/<uuid>", "instance/<uuid>", "system/platend"
  std::uint64_t version = 0;   // place in the stream, from 1, without gaps
  std::uint16_t schema = schema_version;
  std::int64_t time_us = 0;  // wall clock, microseconds since the Unix epoch
  cause why;
  digest previous_hash{};  // all zero for sequence 1
  digest hash{};           // SHA-256(previous_hash || header bytes)
  event what;
};

}  // namespace platen::events
