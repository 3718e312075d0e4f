#include "http/create/rom_storage.hpp"

namespace platen::http {

tl::expected<void, std::string> store_roms(const hypervisor::image_store& images,
                                           hypervisor::rom_store& roms,
                                           const std::vector<rom_upload>& uploads,
                                           events::vm_spec& into) {
  const auto store_one = [&](const rom_upload& upload) {
    if (upload.image.empty()) return roms.put(upload.files);
    return images.find(upload.image).and_then([&](const hypervisor::image& image) {
      return roms.put_image(image);
    });
  };
  for (const auto& upload : uploads) {
    const auto stored = store_one(upload);
    if (!stored)
      return tl::unexpected("ROM '" + upload.name + "' cannot be made: " + stored.error());
    events::rom made;
    made.name = upload.name;
    made.at = upload.at;
    made.digest = stored->digest;
    made.size_bytes = stored->size_bytes;
    made.image = upload.image;
    into.roms.push_back(std::move(made));
  }
  return {};
}

tl::expected<void, std::string> store_all_roms(const hypervisor::image_store& images,
                                               hypervisor::rom_store& roms, create_request& item) {
  auto stored = store_roms(images, roms, item.roms, item.wish.spec);
  auto* level = item.wish.from ? &*item.wish.from : nullptr;
  for (const auto& uploads : item.template_roms) {
    if (stored) stored = store_roms(images, roms, uploads, *level->create_args);
    level = level->parent.get();
  }
  return stored;
}

}  // namespace platen::http
