#include "hypervisor/images/ext4_disk.hpp"

#include <chrono>

#include "hypervisor/images/child_process.hpp"
#include "hypervisor/images/files.hpp"

namespace platen::hypervisor::images {
namespace {

constexpr std::uint64_t mebibyte = 1ull << 20;
constexpr std::uint64_t block_bytes = 4096;
constexpr std::uint64_t inode_bytes = 256;
constexpr std::uint64_t journal_bytes = 4 * mebibyte;      // mke2fs's minimum
constexpr std::uint64_t bytes_per_free_inode = 16 * 1024;  // mke2fs's default ratio
constexpr std::chrono::minutes mkfs_limit{15};

// Named one by one, so that the host's mke2fs.conf has no say. Left out on purpose: metadata_csum
// (its checksums cost time under emulation and need a module the guest would have to load first),
// resize_inode and 64bit (a disk is never resized, nor larger than 16 TiB).
constexpr const char* features =
    "none,has_journal,extent,filetype,sparse_super,large_file,huge_file,flex_bg,dir_index,"
    "ext_attr,dir_nlink,extra_isize";

std::string uuid_from(const std::string& hex) {
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-4" + hex.substr(13, 3) + "-8" +
         hex.substr(17, 3) + "-" + hex.substr(20, 12);
}

struct geometry {
  std::uint64_t inodes = 0;
  std::uint64_t bytes = 0;
};

geometry plan(const tree_summary& content, std::uint64_t free_bytes) {
  geometry result;
  result.inodes = content.inodes + free_bytes / bytes_per_free_inode + 64;
  const auto payload =
      content.blocks * block_bytes + result.inodes * inode_bytes + journal_bytes + free_bytes;
  // Bitmaps, group descriptors, copies of the superblock and extents of large files.
  const auto overhead = payload / 64 + 4 * mebibyte;
  result.bytes = (payload + overhead + mebibyte - 1) / mebibyte * mebibyte;
  return result;
}

}  // namespace

tl::expected<std::uint64_t, std::string> make_ext4_disk(const std::filesystem::path& folder,
                                                        const tree_summary& content,
                                                        std::uint64_t free_bytes,
                                                        const std::string& identity,
                                                        const std::filesystem::path& disk) {
  const geometry size = plan(content, free_bytes);
  const std::string uuid = uuid_from(identity);
  // The inode tables are finished here, where that means a hole in a file, and not by a kernel
  // thread of every guest.
  const std::string extended =
      "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,hash_seed=" + uuid;
  return run_program({"mke2fs",
                      "-q",
                      "-F",
                      "-t",
                      "ext4",
                      "-O",
                      features,
                      "-b",
                      std::to_string(block_bytes),
                      "-I",
                      std::to_string(inode_bytes),
                      "-N",
                      std::to_string(size.inodes),
                      "-m",
                      "0",
                      "-J",
                      "size=4",
                      "-U",
                      uuid,
                      "-E",
                      extended,
                      "-d",
                      folder.string(),
                      disk.string(),
                      std::to_string(size.bytes / 1024) + "k"},
                     mkfs_limit)
      .and_then([&] { return sync_path(disk); })
      .map([&] { return size.bytes; });
}

}  // namespace platen::hypervisor::images
