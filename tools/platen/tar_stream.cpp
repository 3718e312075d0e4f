#include "tools/platen/tar_stream.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>

namespace platen::cli {
namespace {

namespace fs = std::filesystem;
using outcome = tl::expected<void, std::string>;

constexpr std::size_t chunk_bytes = 256 * 1024;

template <auto Free>
struct deleter {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
using reader = std::unique_ptr<archive, deleter<archive_read_free>>;
using packer = std::unique_ptr<archive, deleter<archive_write_free>>;
using link_resolver =
    std::unique_ptr<archive_entry_linkresolver, deleter<archive_entry_linkresolver_free>>;
using entry = std::unique_ptr<archive_entry, deleter<archive_entry_free>>;

std::string reason(archive* from) {
  const char* text = archive_error_string(from);
  return text == nullptr ? "unknown error" : text;
}

la_ssize_t forward(archive*, void* write, const void* bytes, std::size_t size) {
  const auto& sink = *static_cast<const client::writer*>(write);
  return sink(static_cast<const char*>(bytes), size) ? static_cast<la_ssize_t>(size) : -1;
}

outcome write_content(archive* out, archive_entry* item) {
  std::ifstream in(archive_entry_sourcepath(item), std::ios::binary);
  if (!in) return tl::unexpected(std::string("cannot read ") + archive_entry_sourcepath(item));
  std::array<char, 64 * 1024> chunk{};
  while (in.read(chunk.data(), chunk.size()), in.gcount() > 0)
    if (archive_write_data(out, chunk.data(), static_cast<std::size_t>(in.gcount())) < 0)
      return tl::unexpected(reason(out));
  return {};
}

outcome write_entry(archive* out, archive_entry* item) {
  if (archive_write_header(out, item) != ARCHIVE_OK)
    return tl::unexpected(std::string(archive_entry_pathname(item)) + ": " + reason(out));
  return archive_entry_size(item) > 0 ? write_content(out, item) : outcome{};
}

// Paths in the archive are relative to the folder; an empty one is the folder itself.
void make_relative(archive_entry* item, const fs::path& folder) {
  const auto inside = fs::path(archive_entry_sourcepath(item)).lexically_relative(folder);
  archive_entry_set_pathname(item, inside.c_str());
}

outcome write_folder(archive* in, archive* out, const fs::path& folder) {
  const link_resolver links(archive_entry_linkresolver_new());
  archive_entry_linkresolver_set_strategy(links.get(), ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE);
  while (true) {
    entry item(archive_entry_new());
    const int status = archive_read_next_header2(in, item.get());
    if (status == ARCHIVE_EOF) return {};
    if (status != ARCHIVE_OK) return tl::unexpected(reason(in));
    archive_read_disk_descend(in);
    make_relative(item.get(), folder);
    // For tar the resolver turns second names into links and never holds entries back.
    archive_entry* resolved = item.get();
    archive_entry* held_back = nullptr;
    archive_entry_linkify(links.get(), &resolved, &held_back);
    if (auto written = write_entry(out, resolved); !written) return written;
  }
}

}  // namespace

tl::expected<void, std::string> write_tar(const fs::path& folder, const client::writer& write) {
  const auto root = fs::absolute(folder).lexically_normal();
  const reader in(archive_read_disk_new());
  archive_read_disk_set_symlink_physical(in.get());
  archive_read_disk_set_standard_lookup(in.get());
  if (archive_read_disk_open(in.get(), root.c_str()) != ARCHIVE_OK)
    return tl::unexpected(root.string() + ": " + reason(in.get()));
  const packer out(archive_write_new());
  archive_write_set_format_pax_restricted(out.get());
  archive_write_set_bytes_per_block(out.get(), chunk_bytes);
  auto sink = write;
  if (archive_write_open(out.get(), &sink, nullptr, forward, nullptr) != ARCHIVE_OK)
    return tl::unexpected(reason(out.get()));
  if (auto written = write_folder(in.get(), out.get(), root); !written) return written;
  if (archive_write_close(out.get()) != ARCHIVE_OK) return tl::unexpected(reason(out.get()));
  return {};
}

tl::expected<void, std::string> write_file(const fs::path& file, const client::writer& write) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return tl::unexpected("cannot read " + file.string());
  std::vector<char> chunk(chunk_bytes);
  while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())), in.gcount() > 0)
    if (!write(chunk.data(), static_cast<std::size_t>(in.gcount())))
      return tl::unexpected(broken_off);
  return {};
}

}  // namespace platen::cli
