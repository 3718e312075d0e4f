// How an instance is kept, as members of a create request: tags, annotations, restarts, autokill,
// scale to zero.
#pragma once

#include <optional>

#include "actors/instance/decide.hpp"
#include "events/event.hpp"
#include "http/request/object_reader.hpp"

namespace platen::http {

inline constexpr std::size_t tags_limit = 16;
inline constexpr std::size_t tag_bytes_limit = 256;
inline constexpr std::size_t annotations_limit = 256;
inline constexpr std::size_t annotation_bytes_limit = 4096;
inline constexpr std::int64_t autokill_ms_limit = 366ll * 24 * 3600 * 1000;  // a year

inline constexpr std::uint32_t default_cooldown_ms = 1000;

// Reads `tags`, `annotations`, `restart_policy`, `features`, `autokill` and `scale_to_zero`;
// problems are reported.
void read_settings(object_reader& reader, events::vm_spec& into);

// The parts of it that a PATCH has under another name. Each reports what is wrong with `member`.
std::vector<std::string> read_tags(object_reader& reader, std::string_view member);
std::vector<events::variable> read_annotations(object_reader& reader, std::string_view member);
// Of a template: milliseconds; 0 where it is absent or disabled.
std::uint64_t read_autokill_ms(object_reader& reader, std::string_view member);
// Of an instance; 0 disables either.
struct instance_autokill {
  std::uint64_t time_ms = 0;
  std::uint64_t requests = 0;
};
instance_autokill read_instance_autokill(object_reader& reader, std::string_view member);
// Nothing if it is absent or wrong.
std::optional<actors::instance::scaling> read_scale_to_zero(object_reader& reader,
                                                            std::string_view member);

}  // namespace platen::http
