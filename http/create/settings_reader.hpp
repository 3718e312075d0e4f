// How an instance is kept, as members of a create request: tags, annotations, restarts, autokill.
#pragma once

#include "events/event.hpp"
#include "http/request/object_reader.hpp"

namespace platen::http {

inline constexpr std::size_t tags_limit = 16;
inline constexpr std::size_t tag_bytes_limit = 256;
inline constexpr std::size_t annotations_limit = 256;
inline constexpr std::size_t annotation_bytes_limit = 4096;
inline constexpr std::int64_t autokill_ms_limit = 366ll * 24 * 3600 * 1000;  // a year

// Reads `tags`, `annotations`, `restart_policy`, `features` and `autokill`; problems are reported.
void read_settings(object_reader& reader, events::vm_spec& into);

// The parts of it that a PATCH has under another name. Each reports what is wrong with `member`.
std::vector<std::string> read_tags(object_reader& reader, std::string_view member);
std::vector<events::variable> read_annotations(object_reader& reader, std::string_view member);
// Milliseconds; 0 where it is absent or disabled.
std::uint64_t read_autokill_ms(object_reader& reader, std::string_view member);

}  // namespace platen::http
