// The keys of the log's column families; FORMAT.md shows them byte by byte.
//
//   events:  sequence, 8 bytes big-endian, so that the order of the keys is the order of the log
//   streams: stream name | 0x00 | version, 8 bytes big-endian
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace platen::store {

std::string number_key(std::uint64_t value);

// Nothing unless there are exactly 8 bytes.
std::optional<std::uint64_t> number_from_key(std::string_view bytes);

// Every key of the stream begins with it, and no key of another stream does.
std::string stream_prefix(std::string_view stream);

std::string stream_key(std::string_view stream, std::uint64_t version);

struct stream_position {
  std::string stream;
  std::uint64_t version = 0;
};

// Nothing if the bytes are not a key of `streams`.
std::optional<stream_position> stream_position_from_key(std::string_view bytes);

}  // namespace platen::store
