// From ROMs in a request to ROMs in the store, which a spec can name.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "events/event.hpp"
#include "http/create/create_reader.hpp"
#include "http/create/rom_upload.hpp"
#include "hypervisor/images/image_store.hpp"
#include "hypervisor/images/rom_store.hpp"

namespace platen::http {

// Stores each ROM and adds it to the spec. When it returns they are durable. The error is a
// sentence that names the ROM. Blocks for as long as the files take to be written.
tl::expected<void, std::string> store_roms(const hypervisor::image_store& images,
                                           hypervisor::rom_store& roms,
                                           const std::vector<rom_upload>& uploads,
                                           events::vm_spec& into);

// Those of a request and of each level of the template it describes.
tl::expected<void, std::string> store_all_roms(const hypervisor::image_store& images,
                                               hypervisor::rom_store& roms, create_request& item);

}  // namespace platen::http
