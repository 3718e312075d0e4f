// The host's busybox, if it can run in an image that has no libraries.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace platen::demo {

// True for a 64-bit ELF program for x86 that asks for no dynamic loader.
bool is_static_program(std::string_view file);

// The content of /bin/busybox. The error says which package to install.
tl::expected<std::string, std::string> read_static_busybox();

}  // namespace platen::demo
