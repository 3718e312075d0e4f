#include "hypervisor/images/archive_entries.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>

#include "hypervisor/images/files.hpp"
#include "hypervisor/images/messages.hpp"
#include "hypervisor/images/sha256.hpp"

namespace platen::hypervisor::images {
namespace {

constexpr std::size_t block_bytes = 1 << 17;
constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_marker = ".wh..wh..opq";

struct free_archive {
  void operator()(archive* reader) const { ::archive_read_free(reader); }
};
using archive_reader = std::unique_ptr<archive, free_archive>;

struct free_entry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};
using entry_holder = std::unique_ptr<archive_entry, free_entry>;

struct free_link_resolver {
  void operator()(archive_entry_linkresolver* resolver) const {
    ::archive_entry_linkresolver_free(resolver);
  }
};
using link_resolver = std::unique_ptr<archive_entry_linkresolver, free_link_resolver>;

// libarchive converts the UTF-8 names of pax archives to the thread's character set and would
// garble them in the "C" locale a daemon runs in.
class utf8_names {
 public:
  utf8_names() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_) previous_ = ::uselocale(locale_);
  }
  ~utf8_names() {
    if (!locale_) return;
    ::uselocale(previous_);
    ::freelocale(locale_);
  }
  utf8_names(const utf8_names&) = delete;
  utf8_names& operator=(const utf8_names&) = delete;

 private:
  locale_t locale_;
  locale_t previous_ = nullptr;
};

std::string archive_error(archive* reader) {
  const char* text = ::archive_error_string(reader);
  return text ? text : "unknown error";
}

tl::unexpected<std::string> unreadable(archive* reader) {
  return failure("the archive cannot be read: " + archive_error(reader) +
                 "; is it a complete tar archive?");
}

// The filters are named one by one: "all" includes some that start programs.
void support_compressions(archive* reader) {
  ::archive_read_support_filter_gzip(reader);
  ::archive_read_support_filter_zstd(reader);
  ::archive_read_support_filter_xz(reader);
  ::archive_read_support_filter_lzma(reader);
  ::archive_read_support_filter_bzip2(reader);
  ::archive_read_support_filter_lz4(reader);
  ::archive_read_support_filter_compress(reader);
}

tl::expected<archive_reader, std::string> open_reader(int fd, int (*support_format)(archive*)) {
  archive_reader reader(::archive_read_new());
  if (!reader) return failure("there is no memory to read the archive");
  support_compressions(reader.get());
  support_format(reader.get());
  if (::lseek(fd, 0, SEEK_SET) != 0)
    return failure("the archive cannot be read: " + system_error_text(errno));
  if (::archive_read_open_fd(reader.get(), fd, block_bytes) != ARCHIVE_OK)
    return unreadable(reader.get());
  return reader;
}

std::string raw_name(archive_entry* entry) {
  const char* name = ::archive_entry_pathname(entry);
  return name ? name : "";
}

tl::unexpected<std::string> refuse_entry(archive_entry* entry, const std::string& why) {
  return failure("the entry " + shown(raw_name(entry)) + " " + why);
}

bool is_kept_attribute(std::string_view name) {
  return name.starts_with("user.") || (name == "security.capability" && ::geteuid() == 0);
}

file_metadata metadata_of(archive_entry* entry) {
  file_metadata data;
  data.mode = ::archive_entry_perm(entry);
  data.uid = static_cast<uid_t>(::archive_entry_uid(entry));
  data.gid = static_cast<gid_t>(::archive_entry_gid(entry));
  data.modified = {::archive_entry_mtime(entry), ::archive_entry_mtime_nsec(entry)};
  ::archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (is_kept_attribute(name))
      data.attributes.push_back({name, std::string(static_cast<const char*>(value), size)});
  }
  return data;
}

tl::expected<void, std::string> write_at(int fd, std::string_view bytes, std::int64_t offset) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("cannot be written: " + system_error_text(errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += count;
  }
  return {};
}

// Writes only the blocks the archive has, so that sparse files stay sparse.
tl::expected<void, std::string> copy_content(archive* reader, int fd, std::int64_t size) {
  const void* block = nullptr;
  std::size_t count = 0;
  std::int64_t offset = 0;
  for (;;) {
    const int status = ::archive_read_data_block(reader, &block, &count, &offset);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) return failure("cannot be read: " + archive_error(reader));
    if (offset + static_cast<std::int64_t>(count) > size)
      return failure("has more content than its header says");
    const std::string_view bytes(static_cast<const char*>(block), count);
    if (auto written = write_at(fd, bytes, offset); !written) return written;
  }
  if (::ftruncate(fd, size) != 0) return failure("cannot be written: " + system_error_text(errno));
  return {};
}

tl::expected<void, std::string> add_regular_file(archive* reader, archive_entry* entry,
                                                 const std::string& name, staging_tree& tree) {
  const auto file = tree.add_file(name);
  if (!file) return tl::unexpected(file.error());
  const auto size = ::archive_entry_size(entry);
  if (auto copied = copy_content(reader, file->get(), size); !copied) return copied;
  return tree.finish_file(file->get(), metadata_of(entry));
}

tl::expected<void, std::string> add_hard_link(archive_entry* entry, const std::string& name,
                                              staging_tree& tree) {
  std::string_view target = ::archive_entry_hardlink(entry);
  while (target.starts_with('/'))
    target.remove_prefix(1);
  const auto plain_target = plain_entry_name(target);
  if (!plain_target)
    return failure("is a hard link to " + shown(target) + ", which leads out of the image");
  return tree.add_hard_link(name, *plain_target);
}

bool is_in_dev(std::string_view name) {
  return name.starts_with("dev/");
}

tl::expected<void, std::string> add_special(const std::string& name, std::string_view what) {
  if (is_in_dev(name)) return {};
  return failure("is " + std::string(what) +
                 "; images hold files, folders and links only (what is in dev/ is made by "
                 "the guest): remove it from the image");
}

tl::expected<void, std::string> add_entry(archive* reader, archive_entry* entry,
                                          const std::string& name, staging_tree& tree) {
  if (::archive_entry_hardlink(entry)) return add_hard_link(entry, name, tree);
  switch (::archive_entry_filetype(entry)) {
    case AE_IFREG:
      return add_regular_file(reader, entry, name, tree);
    case AE_IFDIR:
      return tree.add_folder(name, metadata_of(entry));
    case AE_IFLNK: {
      const char* target = ::archive_entry_symlink(entry);
      return tree.add_symbolic_link(name, target ? target : "", metadata_of(entry));
    }
    case AE_IFCHR:
    case AE_IFBLK:
      return add_special(name, "a device");
    case AE_IFIFO:
      return add_special(name, "a named pipe");
    case AE_IFSOCK:
      return add_special(name, "a socket");
    default:
      return failure("is of a kind this version does not know");
  }
}

std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('/') + 1);
}
bool is_whiteout(std::string_view name) {
  return last_part(name).starts_with(whiteout_prefix);
}

tl::expected<void, std::string> apply_whiteout(const std::string& name, staging_tree& tree) {
  const auto last = last_part(name);
  const auto folder = name.substr(0, name.size() - last.size());
  if (last == opaque_marker) {
    return tree.empty_folder(folder.empty() ? "." : folder.substr(0, folder.size() - 1));
  }
  const auto hidden = last.substr(whiteout_prefix.size());
  if (hidden.empty() || hidden == "." || hidden == "..")
    return failure("is a whiteout that names no file");
  // AUFS keeps its own data in names like this; they stand for nothing in the image.
  if (hidden.starts_with(whiteout_prefix)) return {};
  return tree.remove(folder + std::string(hidden));
}

// Calls `visit(reader, entry, plain name)` for each entry.
template <typename Visitor>
tl::expected<void, std::string> for_each_entry(int fd, Visitor&& visit) {
  const utf8_names names;
  const auto reader = open_reader(fd, ::archive_read_support_format_tar);
  if (!reader) return tl::unexpected(reader.error());
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = ::archive_read_next_header(reader->get(), &entry);
    if (status == ARCHIVE_EOF) return {};
    if (status < ARCHIVE_WARN) return unreadable(reader->get());
    const auto name = plain_entry_name(raw_name(entry));
    if (!name) return refuse_entry(entry, name.error());
    const tl::expected<void, std::string> visited = visit(reader->get(), entry, *name);
    if (!visited) return refuse_entry(entry, visited.error());
  }
}

std::uint64_t content_size(archive_entry* entry) {
  const bool has_content =
      !::archive_entry_hardlink(entry) && ::archive_entry_filetype(entry) == AE_IFREG;
  return has_content ? static_cast<std::uint64_t>(::archive_entry_size(entry)) : 0;
}

// Whiteouts speak of the layers below only, wherever they stand in the archive; so they are
// applied before the first file of this layer is there.
tl::expected<void, std::string> apply_whiteouts(int fd, staging_tree& tree, unpack_budget headers) {
  return for_each_entry(fd, [&](archive*, archive_entry* entry, const std::string& name) {
    if (auto taken = headers.take(content_size(entry)); !taken) return taken;
    if (is_whiteout(name)) return apply_whiteout(name, tree);
    return tl::expected<void, std::string>();
  });
}

tl::expected<archive_reader, std::string> open_folder_reader(const std::filesystem::path& folder) {
  archive_reader disk(::archive_read_disk_new());
  if (!disk) return failure("there is no memory to read the folder");
  ::archive_read_disk_set_symlink_physical(disk.get());
  // Reading must not change the folder, nor fail for a file system without ACLs or file flags.
  ::archive_read_disk_set_behavior(disk.get(),
                                   ARCHIVE_READDISK_NO_ACL | ARCHIVE_READDISK_NO_FFLAGS);
  if (::archive_read_disk_open(disk.get(), folder.c_str()) != ARCHIVE_OK)
    return failure("the folder " + folder.string() +
                   " cannot be read: " + archive_error(disk.get()));
  return disk;
}

// The path of an entry relative to the folder that is copied.
std::string relative_name(archive_entry* entry, const std::string& folder) {
  const std::string full_name = raw_name(entry);
  std::string_view name = full_name;
  name.remove_prefix(std::min(folder.size(), name.size()));
  while (name.starts_with('/'))
    name.remove_prefix(1);
  return name.empty() ? "." : std::string(name);
}

}  // namespace

tl::expected<void, std::string> unpack_budget::take(std::uint64_t bytes) {
  if (entries == 0) return failure("is one more than the number of files an image may have");
  if (bytes > content_bytes) return failure("makes the image larger, unpacked, than is allowed");
  --entries;
  content_bytes -= bytes;
  return {};
}

tl::expected<void, std::string> unpack_archive(int fd, archive_kind kind, staging_tree& tree,
                                               unpack_budget& budget) {
  const bool is_layer = kind == archive_kind::oci_layer;
  if (is_layer) {
    if (auto applied = apply_whiteouts(fd, tree, budget); !applied) return applied;
  }
  return for_each_entry(fd, [&](archive* reader, archive_entry* entry, const std::string& name) {
    if (auto taken = budget.take(content_size(entry)); !taken) return taken;
    if (is_layer && is_whiteout(name)) return tl::expected<void, std::string>();
    return add_entry(reader, entry, name, tree);
  });
}

tl::expected<void, std::string> copy_folder(const std::filesystem::path& folder, staging_tree& tree,
                                            unpack_budget& budget) {
  const utf8_names names;
  const auto disk = open_folder_reader(folder);
  if (!disk) return tl::unexpected(disk.error());
  const link_resolver links(::archive_entry_linkresolver_new());
  ::archive_entry_linkresolver_set_strategy(links.get(), ARCHIVE_FORMAT_TAR);
  for (;;) {
    const entry_holder entry(::archive_entry_new2(disk->get()));
    const int status = ::archive_read_next_header2(disk->get(), entry.get());
    if (status == ARCHIVE_EOF) return {};
    if (status < ARCHIVE_WARN)
      return failure("the folder " + folder.string() +
                     " cannot be read: " + archive_error(disk->get()));
    ::archive_read_disk_descend(disk->get());
    const std::string name = relative_name(entry.get(), folder.string());
    ::archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry* linked = entry.get();
    archive_entry* spare = nullptr;
    ::archive_entry_linkify(links.get(), &linked, &spare);
    if (auto taken = budget.take(content_size(linked)); !taken)
      return refuse_entry(linked, taken.error());
    const auto added = add_entry(disk->get(), linked, name, tree);
    if (!added) return refuse_entry(linked, added.error());
  }
}

tl::expected<std::string, std::string> decompress(int compressed, int plain, std::uint64_t limit) {
  const auto reader = open_reader(compressed, ::archive_read_support_format_raw);
  if (!reader) return tl::unexpected(reader.error());
  archive_entry* entry = nullptr;
  if (::archive_read_next_header(reader->get(), &entry) < ARCHIVE_WARN)
    return unreadable(reader->get());
  sha256 hash;
  std::string buffer(block_bytes, '\0');
  for (std::uint64_t total = 0;;) {
    const auto count = ::archive_read_data(reader->get(), buffer.data(), buffer.size());
    if (count < 0) return unreadable(reader->get());
    if (count == 0) return hash.hex();
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    total += bytes.size();
    if (total > limit) return failure("the archive is larger, unpacked, than is allowed");
    hash.update(bytes);
    if (const auto written = write_all(plain, bytes); !written)
      return failure("the archive cannot be unpacked: " + written.error());
  }
}

}  // namespace platen::hypervisor::images
