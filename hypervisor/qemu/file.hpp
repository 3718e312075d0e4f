// Small tools for files beside those of images/files.hpp. Blocking; no state.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "hypervisor/images/files.hpp"
#include "hypervisor/images/unique_fd.hpp"

namespace platen::hypervisor::qemu {

using images::read_file;
using images::sync_path;
using images::unique_fd;

// "cannot <action> <path>: <what errno says>", for the errno of the call just made.
std::string system_error_sentence(std::string_view action, const std::filesystem::path& path);

// Opens with O_CLOEXEC added to `flags`; `mode` counts when the file is created.
tl::expected<unique_fd, std::string> open_file(const std::filesystem::path& path, int flags,
                                               unsigned mode = 0600);

// Replaces the file in one step: written beside it, then renamed. Synced to disk only if `durable`.
tl::expected<void, std::string> replace_file(const std::filesystem::path& path,
                                             std::string_view bytes, bool durable);

// Makes a file of that many zero bytes without using space for them.
tl::expected<unique_fd, std::string> create_sparse_file(const std::filesystem::path& path,
                                                        std::uint64_t bytes);

tl::expected<void, std::string> write_at(int fd, std::string_view bytes, std::uint64_t offset,
                                         const std::filesystem::path& path);

// Gives the file behind the descriptor a second name, or copies it where that is not possible, as
// between two file systems.
tl::expected<void, std::string> link_or_copy(int fd, const std::filesystem::path& to);

// A copy of a file, from its descriptor, that shares all its space. False, and no file, where the
// file system cannot do that.
bool share_content(int fd, const std::filesystem::path& to);

// A copy of a file, from its descriptor, that shares its space where the file system can and has a
// hole wherever the original has one.
tl::expected<void, std::string> copy_sparse(int fd, const std::filesystem::path& to);

// Gives the space of whole pages of zeros back, as far as the file system can; who reads the file
// finds the same. Nobody may be writing to it.
tl::expected<void, std::string> punch_zeros(const std::filesystem::path& path);

// The last `limit` bytes of a file, or less; empty if it cannot be read.
std::string file_tail(const std::filesystem::path& path, std::uint64_t limit);

}  // namespace platen::hypervisor::qemu
