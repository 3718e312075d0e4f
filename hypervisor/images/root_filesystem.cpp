#include "hypervisor/images/root_filesystem.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "hypervisor/images/archive_entries.hpp"
#include "hypervisor/images/files.hpp"
#include "hypervisor/images/messages.hpp"
#include "hypervisor/images/oci_layout.hpp"

namespace platen::hypervisor::images {
namespace {

namespace fs = std::filesystem;

// Headers, padding and long names of one entry in a tar archive.
constexpr std::uint64_t archive_overhead_per_entry = 2048;
constexpr std::uint64_t archive_overhead = 1 << 20;

tl::expected<staging_tree, std::string> new_tree(const fs::path& folder) {
  return make_folder(folder).and_then([&]() -> tl::expected<staging_tree, std::string> {
    // Archives need not have an entry for the root.
    if (::chmod(folder.c_str(), 0755) != 0) return failure(file_error("create", folder, errno));
    return staging_tree::open(folder);
  });
}

tl::expected<void, std::string> apply_layer(const image_layer& layer, const fs::path& work,
                                            const import_limits& limits, staging_tree& tree,
                                            unpack_budget& budget) {
  const auto refuse = [&](const std::string& why) {
    return failure("layer " + layer.shown_name + ": " + why);
  };
  const unique_fd plain(::open(work.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (!plain) return refuse(file_error("make a temporary file in", work, errno));
  const auto limit =
      budget.content_bytes + archive_overhead + limits.entries * archive_overhead_per_entry;
  const auto diff_id = decompress(layer.file.get(), plain.get(), limit);
  if (!diff_id) return refuse(diff_id.error());
  if (!layer.diff_id.empty() && layer.diff_id != *diff_id)
    return refuse("its unpacked content has the digest sha256:" + *diff_id +
                  ", but the image's config says sha256:" + layer.diff_id);
  const auto unpacked = unpack_archive(plain.get(), archive_kind::oci_layer, tree, budget);
  if (!unpacked) return refuse(unpacked.error());
  return {};
}

tl::expected<assembled_image, std::string> apply_layers(packed_image packed, const fs::path& work,
                                                        const import_limits& limits) {
  const auto root = work / "rootfs";
  auto tree = new_tree(root);
  if (!tree) return tl::unexpected(tree.error());
  unpack_budget budget{limits.content_bytes, limits.entries};
  for (const image_layer& layer : packed.layers) {
    if (const auto applied = apply_layer(layer, work, limits, *tree, budget); !applied)
      return tl::unexpected(applied.error());
  }
  tree->restore_folder_times();
  return assembled_image{root, std::move(packed.config)};
}

// Unpacks or copies the source as it is, without a look at what it holds.
tl::expected<fs::path, std::string> take_in(const fs::path& source, const fs::path& work,
                                            const import_limits& limits) {
  const auto folder = work / "source";
  auto tree = new_tree(folder);
  if (!tree) return tl::unexpected(tree.error());
  unpack_budget budget{limits.content_bytes, limits.entries};
  const unique_fd file(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return failure(file_error("open", source, errno));
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
    return tl::unexpected(source.string() + " is neither an archive nor a folder");
  const auto taken = S_ISDIR(status.st_mode)
                         ? copy_folder(source, *tree, budget)
                         : unpack_archive(file.get(), archive_kind::plain, *tree, budget);
  if (!taken) return tl::unexpected(taken.error());
  tree->restore_folder_times();
  return folder;
}

tl::expected<assembled_image, std::string> assemble_packed(const fs::path& folder,
                                                           const fs::path& work,
                                                           const std::string& tag,
                                                           const import_limits& limits) {
  auto packed = is_oci_layout(folder) ? read_oci_layout(folder, tag) : read_docker_archive(folder);
  return std::move(packed).and_then(
      [&](packed_image image) { return apply_layers(std::move(image), work, limits); });
}

bool is_packed(const fs::path& folder) {
  return is_oci_layout(folder) || is_docker_archive(folder);
}

}  // namespace

tl::expected<assembled_image, std::string> assemble_image(const fs::path& source,
                                                          const fs::path& work,
                                                          const std::string& tag,
                                                          const import_limits& limits) {
  if (is_packed(source)) return assemble_packed(source, work, tag, limits);
  const auto folder = take_in(source, work, limits);
  if (!folder) return tl::unexpected(folder.error());
  if (!is_packed(*folder)) return assembled_image{*folder, {}};
  auto assembled = assemble_packed(*folder, work, tag, limits);
  // The layers are unpacked now; their room is better used for the disk.
  std::error_code ignored;
  fs::remove_all(*folder, ignored);
  return assembled;
}

}  // namespace platen::hypervisor::images
