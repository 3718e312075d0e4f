// An inline ROM as a request carries it, before it is stored.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "http/request/object_reader.hpp"
#include "hypervisor/images/rom_store.hpp"

namespace platen::http {

struct rom_upload {
  std::string name;
  std::string at;  // normalised
  std::vector<hypervisor::rom_file> files;
};

// One, because the agent mounts one.
inline constexpr std::size_t roms_per_vm = 1;

// Reads the member `roms`; problems are reported to the reader.
std::vector<rom_upload> read_roms(object_reader& reader);

}  // namespace platen::http
