// ROMs as a request carries them, before they are stored.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "http/request/object_reader.hpp"
#include "hypervisor/images/rom_store.hpp"
#include "hypervisor/rom_rules.hpp"

namespace platen::http {

struct rom_upload {
  std::string name;
  std::string at;                           // normalised; empty: a raw device
  std::string image;                        // a name in the image store; empty: inline
  std::vector<hypervisor::rom_file> files;  // of an inline ROM
};

// Reads the member `roms`; problems are reported to the reader. Names and mount points are distinct
// in one list; whether they also are with those of a template is for others to say
// (hypervisor::added_roms).
std::vector<rom_upload> read_roms(object_reader& reader);

}  // namespace platen::http
