// The members that say what a VM is made of; the same for an instance and for create_args.
#pragma once

#include <string>
#include <vector>

#include "events/event.hpp"
#include "http/create/rom_upload.hpp"
#include "http/request/object_reader.hpp"

namespace platen::http {

inline constexpr std::int64_t memory_mb_least = 64;
inline constexpr std::int64_t memory_mb_most = 16384;
inline constexpr std::int64_t memory_mb_default = 128;
inline constexpr std::int64_t vcpus_most = 8;
inline constexpr std::size_t args_limit = 256;
inline constexpr std::size_t arg_bytes_limit = 4096;
inline constexpr std::size_t env_limit = 256;
inline constexpr std::size_t env_value_bytes_limit = 4096;

struct vm_parts {
  events::vm_spec spec;  // its ROMs are those in `roms`, not stored yet
  std::vector<rom_upload> roms;
};

// image, args, env, memory_mb and vcpus: fixed by a template for all of its clones. `image` is
// required.
void read_frozen_parts(object_reader& reader, vm_parts& into);

// hostname and roms: each clone's own.
void read_own_parts(object_reader& reader, vm_parts& into);

// Single members under any name, as a PATCH has them. Each reports what is wrong with `member`.
std::string read_image(object_reader& reader, std::string_view member);
std::vector<events::variable> read_env(object_reader& reader, std::string_view member);
std::uint32_t read_memory_mb(object_reader& reader, std::string_view member);
std::uint32_t read_vcpus(object_reader& reader, std::string_view member);
std::string read_hostname(object_reader& reader, std::string_view member);

}  // namespace platen::http
