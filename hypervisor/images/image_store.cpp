#include "hypervisor/images/image_store.hpp"

#include <sys/stat.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <set>

#include "hypervisor/images/ext4_disk.hpp"
#include "hypervisor/images/files.hpp"
#include "hypervisor/images/image_name.hpp"
#include "hypervisor/images/image_record.hpp"
#include "hypervisor/images/messages.hpp"
#include "hypervisor/images/root_filesystem.hpp"
#include "hypervisor/images/sha256.hpp"
#include "hypervisor/images/staging_tree.hpp"
#include "hypervisor/images/tree_digest.hpp"

namespace platen::hypervisor::images {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view importing_prefix = ".import-";
constexpr std::uint64_t record_limit = 1 << 20;
constexpr std::uint64_t names_limit = 64 << 20;

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

// What the caller has set wins; a new entrypoint makes the image's own arguments meaningless.
image_config merged(image_config own, const image_config& given) {
  if (!given.entrypoint.empty()) {
    own.entrypoint = given.entrypoint;
    own.cmd = given.cmd;
  } else if (!given.cmd.empty()) {
    own.cmd = given.cmd;
  }
  for (const auto& [name, value] : given.env)
    own.env[name] = value;
  if (!given.workdir.empty()) own.workdir = given.workdir;
  if (!given.user.empty()) own.user = given.user;
  return own;
}

std::string digest_of(const tree_summary& content, const image_config& config) {
  sha256 hash;
  hash.update_field("platen image, ext4, 1");
  hash.update_field(content.digest);
  hash.update_field(canonical_text(config));
  return hash.hex();
}

class folder_image_store final : public image_store {
 public:
  folder_image_store(fs::path root, import_limits limits)
      : root_(std::move(root)), limits_(limits) {}

  tl::expected<void, std::string> load() {
    if (auto cleaned = remove_leftovers(root_, importing_prefix); !cleaned) return cleaned;
    if (auto cleaned = remove_leftovers(root_, replacement_prefix); !cleaned) return cleaned;
    std::error_code error;
    if (fs::exists(names_path(), error)) {
      auto names = read_file(names_path(), names_limit).and_then(names_from_json);
      if (!names)
        return failure("the image store " + root_.string() + " cannot be opened: " + names.error());
      names_ = std::move(*names);
    }
    for (const auto& [name, digest] : names_)
      load_record(digest);
    return remove_unnamed();
  }

  tl::expected<image, std::string> import(const std::string& name, const fs::path& source,
                                          const image_config& config) override {
    const auto full_name = full_image_name(name);
    if (!full_name) return tl::unexpected(full_name.error());
    const std::lock_guard one_writer(writer_);
    const auto work = temporary_folder::make(root_, importing_prefix);
    if (!work) return tl::unexpected(work.error());
    const auto tag = full_name->substr(full_name->rfind(':') + 1);
    return assemble_image(source, work->path(), tag, limits_)
        .and_then([&](const assembled_image& assembled) {
          return store(assembled, merged(assembled.config, config), work->path());
        })
        .and_then([&](const image& stored) { return name_it(*full_name, stored); });
  }

  tl::expected<image, std::string> find(const std::string& name) const override {
    const auto full_name = full_image_name(name);
    if (!full_name) return tl::unexpected(full_name.error());
    const std::lock_guard lock(index_);
    const auto named = names_.find(*full_name);
    if (named == names_.end())
      return failure("there is no image '" + *full_name + "'; import it with 'platen image " +
                     "import " + *full_name + " FILE'");
    const auto record = records_.find(named->second);
    if (record == records_.end())
      return failure("the files of the image '" + *full_name +
                     "' are missing or damaged; import it again");
    return with_name(*full_name, record->second);
  }

  std::vector<image> list() const override {
    const std::lock_guard lock(index_);
    std::vector<image> images;
    for (const auto& [name, digest] : names_) {
      const auto record = records_.find(digest);
      if (record != records_.end()) images.push_back(with_name(name, record->second));
    }
    return images;
  }

  tl::expected<void, std::string> remove(const std::string& name) override {
    const auto full_name = full_image_name(name);
    if (!full_name) return tl::unexpected(full_name.error());
    const std::lock_guard one_writer(writer_);
    auto names = names_copy();
    if (names.erase(*full_name) == 0)
      return failure("there is no image '" + *full_name + "'; nothing was removed");
    return save_names(std::move(names)).and_then([&] { return remove_unnamed(); });
  }

 private:
  static image with_name(const std::string& name, image record) {
    record.name = name;
    return record;
  }

  fs::path names_path() const { return root_ / "names.json"; }

  std::map<std::string, std::string> names_copy() const {
    const std::lock_guard lock(index_);
    return names_;
  }

  // A record that cannot be read is left out; find() then says that the image is damaged.
  bool load_record(const std::string& digest) {
    if (!is_sha256_hex(digest)) return false;
    const auto folder = root_ / digest;
    auto record = read_file(folder / "image.json", record_limit).and_then(image_from_json);
    if (!record || record->digest != digest) return false;
    record->disk = folder / "disk.ext4";
    std::error_code error;
    if (fs::file_size(record->disk, error) != record->size_bytes || error) return false;
    const std::lock_guard lock(index_);
    records_[digest] = *record;
    return true;
  }

  // Builds the image beside the others and moves it in place, unless it is there already.
  tl::expected<image, std::string> store(const assembled_image& assembled,
                                         const image_config& config, const fs::path& work) {
    const auto tree = staging_tree::open(assembled.root);
    if (!tree) return tl::unexpected(tree.error());
    const auto content = summarize_tree(tree->fd());
    if (!content) return tl::unexpected(content.error());
    const auto digest = digest_of(*content, config);
    if (!load_record(digest)) {
      const auto built = work / "image";
      const auto placed = build(assembled.root, *content, config, digest, built).and_then([&] {
        return put_in_place(built, digest);
      });
      if (!placed) return tl::unexpected(placed.error());
    }
    const std::lock_guard lock(index_);
    return records_.at(digest);
  }

  tl::expected<void, std::string> build(const fs::path& tree, const tree_summary& content,
                                        const image_config& config, const std::string& digest,
                                        const fs::path& built) const {
    if (auto made = make_folder(built); !made) return made;
    const auto disk = built / "disk.ext4";
    const auto size = make_ext4_disk(tree, content, limits_.free_bytes, digest, disk);
    if (!size) return failure("the disk cannot be made: " + size.error());
    const image record{.name = "",
                       .digest = digest,
                       .config = config,
                       .size_bytes = *size,
                       .created_us = now_us(),
                       .disk = {}};
    return replace_file(built / "image.json", to_json(record)).and_then([&] {
      return sync_path(built);
    });
  }

  tl::expected<void, std::string> put_in_place(const fs::path& built, const std::string& digest) {
    // Only a damaged image can be in the way here.
    std::error_code error;
    fs::remove_all(root_ / digest, error);
    if (auto renamed = rename_synced(built, root_ / digest); !renamed) return renamed;
    if (!load_record(digest))
      return failure("the image " + digest + " cannot be read back from the image store");
    return {};
  }

  tl::expected<image, std::string> name_it(const std::string& name, const image& stored) {
    auto names = names_copy();
    names[name] = stored.digest;
    return save_names(std::move(names)).and_then([&] { return remove_unnamed(); }).map([&] {
      return with_name(name, stored);
    });
  }

  tl::expected<void, std::string> save_names(std::map<std::string, std::string> names) {
    if (auto saved = replace_file(names_path(), names_to_json(names)); !saved) return saved;
    const std::lock_guard lock(index_);
    names_ = std::move(names);
    return {};
  }

  // Images that lost their last name, and those a crash left before they got one.
  tl::expected<void, std::string> remove_unnamed() {
    std::set<std::string> named;
    {
      const std::lock_guard lock(index_);
      for (const auto& [name, digest] : names_)
        named.insert(digest);
      std::erase_if(records_, [&](const auto& record) { return !named.contains(record.first); });
    }
    std::error_code error;
    fs::directory_iterator entry(root_, error);
    while (!error && entry != fs::directory_iterator()) {
      const auto path = entry->path();
      const auto name = path.filename().string();
      entry.increment(error);
      std::error_code ignored;  // what cannot be removed now is tried again at the next change
      if (is_sha256_hex(name) && !named.contains(name)) fs::remove_all(path, ignored);
    }
    if (error) return failure("cannot clean up " + root_.string() + ": " + error.message());
    return {};
  }

  const fs::path root_;
  const import_limits limits_;
  std::mutex writer_;         // held for a whole import or removal; taken before index_
  mutable std::mutex index_;  // guards the two maps
  std::map<std::string, std::string> names_;
  std::map<std::string, image> records_;  // by digest, without a name
};

tl::expected<std::unique_ptr<image_store>, std::string> open_image_store(fs::path root,
                                                                         import_limits limits) {
  if (auto made = make_folder(root); !made) return tl::unexpected(made.error());
  auto store = std::make_unique<folder_image_store>(std::move(root), limits);
  if (auto loaded = store->load(); !loaded) return tl::unexpected(loaded.error());
  return store;
}

}  // namespace
}  // namespace platen::hypervisor::images

namespace platen::hypervisor {

tl::expected<std::unique_ptr<image_store>, std::string> image_store::open(
    std::filesystem::path root, import_limits limits) {
  return images::open_image_store(std::move(root), limits);
}

}  // namespace platen::hypervisor
