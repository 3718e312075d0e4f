// Images by name: a root file system as an ext4 disk, and how its workload is started.
//
// On disk: <root>/<digest>/{disk.ext4,image.json} and <root>/names.json. An image is built in a
// temporary folder, synced and renamed, so a crash leaves no half image. Disks are never changed
// after that; VMs use copy-on-write overlays on top. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace platen::hypervisor {

struct image_config {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::map<std::string, std::string> env;
  std::string workdir;  // empty: "/"
  std::string user;     // empty: root; else name, uid, name:group or uid:gid
};

struct image {
  std::string name;    // as given, with its tag: "platen/demo:v1"
  std::string digest;  // SHA-256 over the imported content and config, lower-case hex
  image_config config;
  std::uint64_t size_bytes = 0;  // logical size of the disk
  std::int64_t created_us = 0;
  std::filesystem::path disk;  // ext4, raw, immutable
};

struct import_limits {
  std::uint64_t content_bytes = 8ull << 30;  // unpacked
  std::uint64_t entries = 1'000'000;
  std::uint64_t free_bytes = 512ull << 20;  // room left on the root file system for the guest
};

class image_store {
 public:
  static tl::expected<std::unique_ptr<image_store>, std::string> open(std::filesystem::path root,
                                                                      import_limits limits = {});
  virtual ~image_store() = default;

  // Imports a tar archive (any compression libarchive reads) of a root file system or of an OCI
  // image layout, or a folder of either kind. For a plain root file system `config` says how to
  // start it; for an OCI layout, set members of `config` win over the image's own. Replaces the
  // name if it exists (running VMs keep the old disk). The error is one sentence for the user.
  virtual tl::expected<image, std::string> import(const std::string& name,
                                                  const std::filesystem::path& source,
                                                  const image_config& config) = 0;

  // The error says how to get the image.
  virtual tl::expected<image, std::string> find(const std::string& name) const = 0;
  virtual std::vector<image> list() const = 0;
  virtual tl::expected<void, std::string> remove(const std::string& name) = 0;
};

}  // namespace platen::hypervisor
