// An append request whose limits are checked and whose events are encoded: all the work that does
// not need the writer, so that callers do it in parallel.
#pragma once

#include "events/codec.hpp"
#include "store/event_log.hpp"

namespace platen::store {

inline constexpr std::size_t stream_name_limit = 255;           // bytes
inline constexpr std::size_t request_events_limit = 64;         // events
inline constexpr std::size_t event_bytes_limit = 4U << 20U;     // encoded
inline constexpr std::size_t request_bytes_limit = 16U << 20U;  // encoded
inline constexpr std::size_t cause_text_limit = 1024;           // bytes, each of its two texts

struct prepared_append {
  std::string stream;
  std::uint64_t expected_version = 0;
  events::cause why;
  std::int64_t time_us = 0;
  std::vector<events::payload> what;
  std::size_t bytes = 0;  // encoded size of all events
};

// kind::invalid or kind::too_large, naming the field.
result<prepared_append> prepare(const append_request& request);

}  // namespace platen::store
