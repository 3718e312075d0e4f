// The section [factory]: Kata's keys of VM templating, as far as they mean something here. What has
// no meaning is refused with the reason.
#pragma once

#include <map>
#include <string>
#include <tl/expected.hpp>

#include "tools/platend/config.hpp"

namespace platen::platend {

// A name in the image store. Not a disk image of a guest's operating system, which is what the key
// means to Kata: its template needs an initrd instead.
tl::expected<void, std::string> check_factory_image(const std::string& text);

// "none", or refused: what templates and shared file systems do to each other.
tl::expected<void, std::string> check_shared_fs(const std::string& text);

// Where each key was read, for messages, by its name; also those that have their default.
using factory_places = std::map<std::string, std::string>;

// What the keys say together; sets qemu_binary and guest_dir if the section names them. Reads
// bundle.json beside the kernel. The error names the key, what is wrong and what to do.
tl::expected<void, std::string> settle_factory(config& how, const factory_places& said_at);

}  // namespace platen::platend
