#include "hypervisor/images/rom_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string_view>

#include "hypervisor/images/child_process.hpp"
#include "hypervisor/images/files.hpp"
#include "hypervisor/images/messages.hpp"
#include "hypervisor/images/sha256.hpp"

namespace platen::hypervisor::images {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view building_prefix = ".build-";
constexpr std::size_t path_limit = 1024;
constexpr std::size_t part_limit = 255;
constexpr std::uint64_t block_bytes = 4096;
constexpr std::chrono::seconds mkfs_limit{60};
// Longer than any request is worked on between storing its ROMs and recording what needs them.
constexpr std::chrono::minutes request_limit{10};
constexpr std::string_view filesystems[] = {"erofs", "ext4"};
// Of no meaning but that it is always the same, so that equal files give an equal image.
constexpr std::string_view filesystem_uuid = "6d6f722d-6e65-4174-8c70-000000000001";

tl::expected<void, std::string> check_path(const std::string& path) {
  const auto refuse = [&](const std::string& why) {
    return failure("ROM file " + shown(path) + ": " + why);
  };
  if (path.empty()) return refuse("the path is empty; name the file");
  if (path.front() == '/') return refuse("the path is absolute; make it relative to the ROM");
  if (path.size() > path_limit)
    return refuse("the path is longer than " + std::to_string(path_limit) + " bytes");
  if (path.find('\0') != path.npos) return refuse("the path contains a NUL byte");
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    const auto part = std::string_view(path).substr(begin, end - begin);
    if (part.empty()) return refuse("the path has an empty part; remove the extra '/'");
    if (part == "." || part == "..")
      return refuse("the path has the part '" + std::string(part) + "', which is not allowed");
    if (part.size() > part_limit)
      return refuse("a part of the path is longer than " + std::to_string(part_limit) + " bytes");
    begin = end + 1;
  }
  return {};
}

// `files` are sorted by path.
tl::expected<void, std::string> check_names_are_distinct(const std::vector<rom_file>& files) {
  std::set<std::string_view> paths;
  for (const rom_file& file : files) {
    if (!paths.insert(file.path).second)
      return failure("ROM file " + shown(file.path) + " is given twice; remove one");
  }
  for (const rom_file& file : files) {
    const std::string_view path = file.path;
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
      if (paths.contains(path.substr(0, slash)))
        return failure("ROM file " + shown(path) + " needs " + shown(path.substr(0, slash)) +
                       " to be a folder, but that is a file; rename one");
    }
  }
  return {};
}

tl::expected<void, std::string> check(const std::vector<rom_file>& files) {
  if (files.empty()) return failure("a ROM needs at least one file");
  if (files.size() > rom_files_limit)
    return failure("a ROM holds at most " + std::to_string(rom_files_limit) + " files, not " +
                   std::to_string(files.size()));
  std::size_t total = 0;
  for (const rom_file& file : files) {
    if (auto valid = check_path(file.path); !valid) return valid;
    total += file.bytes.size();
    if (total > rom_bytes_limit)
      return failure("ROM file " + shown(file.path) + " makes the ROM larger than " +
                     std::to_string(rom_bytes_limit) +
                     " bytes; make the files smaller or use an image");
  }
  return check_names_are_distinct(files);
}

std::string content_key(const std::vector<rom_file>& files) {
  sha256 hash;
  hash.update_field("platen rom, mkfs.erofs, 1");
  for (const rom_file& file : files) {
    hash.update_field(file.path);
    hash.update_field(file.bytes);
  }
  return hash.hex();
}

tl::expected<void, std::string> write_file(const fs::path& path, std::string_view bytes) {
  const unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return failure(file_error("create", path, errno));
  if (::fchmod(file.get(), 0644) != 0) return failure(file_error("create", path, errno));
  return write_all(file.get(), bytes).map_error([&](const std::string& reason) {
    return "cannot write " + path.string() + ": " + reason;
  });
}

tl::expected<void, std::string> make_readable_folders(const fs::path& root,
                                                      const fs::path& inside) {
  fs::path folder = root;
  for (const auto& part : inside) {
    folder /= part;
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
      return failure(file_error("create", folder, errno));
    // mkdir is subject to the process's umask; the guest's users must be able to read.
    if (::chmod(folder.c_str(), 0755) != 0) return failure(file_error("create", folder, errno));
  }
  return {};
}

tl::expected<void, std::string> write_tree(const fs::path& root,
                                           const std::vector<rom_file>& files) {
  if (auto made = make_readable_folders(root.parent_path(), root.filename()); !made) return made;
  for (const rom_file& file : files) {
    const fs::path path = file.path;
    if (auto made = make_readable_folders(root, path.parent_path()); !made) return made;
    if (auto written = write_file(root / path, file.bytes); !written) return written;
  }
  return {};
}

tl::expected<void, std::string> pad_and_sync(const fs::path& path) {
  const unique_fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return failure(file_error("open", path, errno));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const auto padded = (size + block_bytes - 1) / block_bytes * block_bytes;
  if (::ftruncate(file.get(), static_cast<off_t>(padded)) != 0 || ::fchmod(file.get(), 0444) != 0 ||
      ::fsync(file.get()) != 0)
    return failure(file_error("sync", path, errno));
  return {};
}

tl::expected<std::string, std::string> hash_file(const fs::path& path) {
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failure(file_error("open", path, errno));
  return sha256_of_file(file.get()).map_error([&](const std::string& reason) {
    return "cannot read " + path.string() + ": " + reason;
  });
}

tl::expected<void, std::string> link_or_copy(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0 || errno == EEXIST) return {};
  if (errno != EXDEV) return failure(file_error("link", from, errno));
  std::error_code error;
  const fs::path copy = to.string() + std::string(replacement_prefix);
  fs::copy_file(from, copy, fs::copy_options::overwrite_existing, error);
  if (error) return failure("cannot copy " + from.string() + ": " + error.message());
  return rename_synced(copy, to);
}

class folder_rom_store final : public rom_store {
 public:
  explicit folder_rom_store(fs::path root) : root_(std::move(root)) {}

  tl::expected<rom_image, std::string> put(const std::vector<rom_file>& files) override {
    if (const auto valid = check(files); !valid) return tl::unexpected(valid.error());
    std::vector<rom_file> sorted = files;
    std::ranges::sort(sorted, {}, &rom_file::path);
    const auto known_digest = root_ / "by-content" / content_key(sorted);
    if (const auto digest = read_file(known_digest, 64)) {
      const std::lock_guard no_removal(mutex_);
      if (auto known = note_put(find(*digest))) return known;
    }
    const auto built = build(sorted);
    if (!built) return failure("cannot build the ROM: " + built.error());
    if (const auto noted = replace_file(known_digest, built->digest); !noted)
      return tl::unexpected(noted.error());
    return built;
  }

  tl::expected<rom_image, std::string> put_image(const image& content) override {
    if (content.size_bytes % block_bytes != 0)
      return failure("the disk of the image " + shown(content.name) +
                     " is not made of blocks of 4096 bytes");
    const std::lock_guard no_removal(mutex_);
    const auto disk = root_ / (content.digest + ".ext4");
    if (const auto kept =
            link_or_copy(content.disk, disk).and_then([&] { return sync_path(root_); });
        !kept)
      return tl::unexpected(kept.error());
    return note_put(find(content.digest));
  }

  tl::expected<rom_image, std::string> find(const std::string& digest) const override {
    if (!is_sha256_hex(digest))
      return failure("a ROM's digest is 64 lower-case hexadecimal digits");
    for (const auto filesystem : filesystems) {
      rom_image image{digest, std::string(filesystem), 0, root_ / digest};
      image.path += "." + image.filesystem;
      std::error_code error;
      image.size_bytes = fs::file_size(image.path, error);
      if (!error && image.size_bytes != 0) return image;
    }
    return failure("there is no ROM with the digest " + digest +
                   "; give its files or its image again");
  }

  std::size_t remove_unreferenced(const std::set<std::string>& in_use) override {
    const std::lock_guard no_put(mutex_);
    const auto now = clock::now();
    std::erase_if(last_put_, [&](const auto& put) { return now - put.second > request_limit; });
    std::size_t removed = 0;
    for (const auto& path : entries(root_)) {
      const auto digest = path.stem().string();
      const bool is_rom = is_sha256_hex(digest) && fs::is_regular_file(path);
      if (!is_rom || in_use.contains(digest) || last_put_.contains(digest)) continue;
      std::error_code ignored;
      if (fs::remove(path, ignored)) ++removed;
    }
    forget_removed_contents();
    return removed;
  }

 private:
  using clock = std::chrono::steady_clock;

  static std::vector<fs::path> entries(const fs::path& folder) {
    std::error_code ignored;
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      all.push_back(entry.path());
    return all;
  }

  void forget_removed_contents() const {
    for (const auto& path : entries(root_ / "by-content")) {
      const auto digest = read_file(path, 64);
      std::error_code ignored;
      if (digest && is_sha256_hex(*digest) && !find(*digest)) fs::remove(path, ignored);
    }
  }

  // Needs the mutex, from before the ROM was found until it is noted.
  tl::expected<rom_image, std::string> note_put(tl::expected<rom_image, std::string> put) {
    if (put) last_put_[put->digest] = clock::now();
    return put;
  }

  tl::expected<rom_image, std::string> build(const std::vector<rom_file>& sorted) {
    const auto temporary = temporary_folder::make(root_, building_prefix);
    if (!temporary) return tl::unexpected(temporary.error());
    const auto tree = temporary->path() / "tree";
    const auto image = temporary->path() / "image";
    const auto digest = write_tree(tree, sorted)
                            .and_then([&] {
                              return run_program({"mkfs.erofs", "-d0", "-x-1", "-T0", "--all-root",
                                                  "-U" + std::string(filesystem_uuid),
                                                  image.string(), tree.string()},
                                                 mkfs_limit);
                            })
                            .and_then([&] { return pad_and_sync(image); })
                            .and_then([&] { return hash_file(image); });
    if (!digest) return tl::unexpected(digest.error());
    const std::lock_guard no_removal(mutex_);
    if (const auto moved = rename_synced(image, root_ / (*digest + ".erofs")); !moved)
      return tl::unexpected(moved.error());
    return note_put(find(*digest));
  }

  const fs::path root_;
  std::mutex mutex_;                                   // between what is put and what is removed
  std::map<std::string, clock::time_point> last_put_;  // by digest
};

tl::expected<std::unique_ptr<rom_store>, std::string> open_rom_store(fs::path root) {
  const auto by_content = root / "by-content";
  const auto ready =
      make_folder(by_content)
          .and_then([&] { return remove_leftovers(root, building_prefix); })
          .and_then([&] { return remove_leftovers(by_content, replacement_prefix); });
  if (!ready) return tl::unexpected(ready.error());
  return std::make_unique<folder_rom_store>(std::move(root));
}

}  // namespace
}  // namespace platen::hypervisor::images

namespace platen::hypervisor {

tl::expected<std::unique_ptr<rom_store>, std::string> rom_store::open(std::filesystem::path root) {
  return images::open_rom_store(std::move(root));
}

}  // namespace platen::hypervisor
