// The bytes of a log segment file (.plseg); FORMAT.md has them as tables. Private to store/.
//
//   header | block | block | ... | footer
#pragma once

#include <string>
#include <string_view>

#include "store/event_log.hpp"
#include "store/prepared_append.hpp"

namespace platen::store::segment {

inline constexpr std::string_view extension = ".plseg";

// How much of the records a writer collects before it compresses them.
inline constexpr std::size_t block_bytes_target = std::size_t{1} << 20U;
// A record is an event and its header, whose texts are all limited.
inline constexpr std::size_t record_bytes_limit = event_bytes_limit + (std::size_t{64} << 10U);
inline constexpr std::size_t raw_bytes_limit = block_bytes_target + record_bytes_limit + 8;
// What zstd may need for as much as that when nothing can be compressed.
inline constexpr std::size_t compressed_bytes_limit = raw_bytes_limit + raw_bytes_limit / 128;

inline constexpr std::size_t made_by_limit = 255;  // bytes
inline constexpr std::size_t rules_limit = 4096;   // bytes

struct header {
  std::uint64_t first = 1;       // sequence
  events::digest hash_before{};  // of the event before `first`
  std::int64_t made_us = 0;      // microseconds since the Unix epoch
  std::string made_by;           // program and version
  std::string rules;             // what was withheld, in words; empty: nothing was asked to be
};

inline constexpr std::size_t header_prefix_size = 12;  // magic and the header's length
inline constexpr std::size_t header_bytes_limit = 8192;

// Texts beyond their limits are cut.
std::string encode(const header& value);

// The whole header's length from its first header_prefix_size bytes. The error says what the bytes
// are instead.
tl::expected<std::size_t, std::string> header_size(std::string_view prefix);
tl::expected<header, std::string> decode_header(std::string_view bytes);

struct block_head {
  std::uint32_t compressed = 0;  // bytes that follow
  std::uint32_t raw = 0;         // bytes they expand to
  std::uint64_t first = 0;       // sequence of the first record in it
  std::uint32_t records = 0;

  std::uint64_t last() const { return first + records - 1; }
};

inline constexpr std::size_t block_head_size = 20;

std::string encode(const block_head& value);
// Refuses what exceeds the limits above, so that no buffer of a hostile size is ever made.
tl::expected<block_head, std::string> decode_block_head(std::string_view bytes);

// A record in a block: its length, then its bytes.
void append_record(std::string& block, std::string_view record);
// Takes the first record off `rest`; the error says what is wrong with the rest.
tl::expected<std::string_view, std::string> take_record(std::string_view& rest);

struct footer {
  std::uint64_t last = 0;  // sequence; one before the header's first if there is no event
  events::digest hash{};   // of the event `last`
  std::uint64_t withheld = 0;
  std::uint64_t file_bytes = 0;  // of the whole file, this footer included
};

inline constexpr std::size_t footer_size = 96;
inline constexpr std::size_t footer_digest_size = 32;  // at its end: SHA-256 of all bytes before

// Everything but the digest at the end.
std::string encode(const footer& value);
tl::expected<footer, std::string> decode_footer(std::string_view bytes);

}  // namespace platen::store::segment
