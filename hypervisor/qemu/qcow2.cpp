#include "hypervisor/qemu/qcow2.hpp"

#include <string_view>

#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

namespace {

// QEMU's docs/interop/qcow2.txt, version 3: header, refcount table, refcount block, L1 table.
constexpr std::uint32_t cluster_bits = 16;
constexpr std::uint64_t cluster_bytes = 1ull << cluster_bits;
constexpr std::uint64_t bytes_per_l1_entry = cluster_bytes * (cluster_bytes / 8);
constexpr std::uint64_t refcount_table_at = cluster_bytes;
constexpr std::uint64_t refcount_block_at = 2 * cluster_bytes;
constexpr std::uint64_t l1_table_at = 3 * cluster_bytes;
// The L1 table then fits one cluster.
constexpr std::uint64_t virtual_bytes_limit = bytes_per_l1_entry * (cluster_bytes / 8);

class big_endian_writer {
 public:
  void u32(std::uint32_t value) { put(value, 4); }
  void u64(std::uint64_t value) { put(value, 8); }
  void text(std::string_view value) { bytes_ += value; }
  std::string_view bytes() const { return bytes_; }

 private:
  void put(std::uint64_t value, int width) {
    for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
      bytes_ += static_cast<char>((value >> shift) & 0xff);
  }
  std::string bytes_;
};

std::string header(std::uint64_t virtual_bytes) {
  big_endian_writer out;
  out.text("QFI\xfb");
  out.u32(3);
  out.u64(0);  // backing file name: none
  out.u32(0);
  out.u32(cluster_bits);
  out.u64(virtual_bytes);
  out.u32(0);  // not encrypted
  out.u32(
      static_cast<std::uint32_t>((virtual_bytes + bytes_per_l1_entry - 1) / bytes_per_l1_entry));
  out.u64(l1_table_at);
  out.u64(refcount_table_at);
  out.u32(1);  // clusters of the refcount table
  out.u32(0);  // internal snapshots: none
  out.u64(0);
  out.u64(0);  // incompatible features
  out.u64(0);  // compatible features
  out.u64(0);  // autoclear features
  out.u32(4);  // refcounts of 16 bits
  out.u32(104);
  return std::string(out.bytes());
}

}  // namespace

tl::expected<void, std::string> create_overlay(const std::filesystem::path& path,
                                               std::uint64_t virtual_bytes) {
  if (virtual_bytes == 0 || virtual_bytes % 512 != 0 || virtual_bytes > virtual_bytes_limit)
    return tl::unexpected("a disk of " + std::to_string(virtual_bytes) +
                          " bytes cannot be made; its size must be a multiple of 512 up to " +
                          std::to_string(virtual_bytes_limit));
  const auto fd = create_sparse_file(path, 4 * cluster_bytes);
  if (!fd) return tl::unexpected(fd.error());
  big_endian_writer refcount_table;
  refcount_table.u64(refcount_block_at);
  // Four clusters, each used once.
  const std::string_view refcounts("\0\1\0\1\0\1\0\1", 8);
  auto written = write_at(fd->get(), header(virtual_bytes), 0, path);
  if (written) written = write_at(fd->get(), refcount_table.bytes(), refcount_table_at, path);
  if (written) written = write_at(fd->get(), refcounts, refcount_block_at, path);
  return written;
}

}  // namespace platen::hypervisor::qemu
