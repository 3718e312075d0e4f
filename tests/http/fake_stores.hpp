// Image and ROM stores that remember what they were given.
#pragma once

#include <fstream>
#include <iterator>
#include <mutex>

#include "hypervisor/images/image_store.hpp"
#include "hypervisor/images/rom_store.hpp"

namespace platen::testing {

class fake_images : public hypervisor::image_store {
 public:
  tl::expected<hypervisor::image, std::string> import(
      const std::string& name, const std::filesystem::path& source,
      const hypervisor::image_config& config) override {
    std::ifstream file(source, std::ios::binary);
    last_content.assign(std::istreambuf_iterator<char>(file), {});
    last_source = source;
    if (last_content == "broken") return tl::unexpected<std::string>("not a tar archive");
    hypervisor::image made;
    made.name = name;
    made.digest = "d1";
    made.config = config;
    made.size_bytes = 4096;
    images_.push_back(made);
    return made;
  }
  tl::expected<hypervisor::image, std::string> find(const std::string& name) const override {
    for (const auto& one : images_)
      if (one.name == name) return one;
    return tl::unexpected<std::string>("no such image");
  }
  std::vector<hypervisor::image> list() const override { return images_; }
  tl::expected<void, std::string> remove(const std::string& name) override {
    std::erase_if(images_, [&](const auto& one) { return one.name == name; });
    return {};
  }

  std::string last_content;
  std::filesystem::path last_source;

 private:
  std::vector<hypervisor::image> images_;
};

class fake_roms : public hypervisor::rom_store {
 public:
  tl::expected<hypervisor::rom_image, std::string> put(
      const std::vector<hypervisor::rom_file>& files) override {
    const std::lock_guard lock(mutex_);
    if (!problem.empty()) return tl::unexpected(problem);
    last = files;
    return hypervisor::rom_image{"rom-digest", "erofs", 4096, {}};
  }
  tl::expected<hypervisor::rom_image, std::string> put_image(
      const hypervisor::image& content) override {
    if (!problem.empty()) return tl::unexpected(problem);
    return hypervisor::rom_image{content.digest, "ext4", content.size_bytes, {}};
  }
  std::size_t remove_unreferenced(const std::set<std::string>&) override { return 0; }
  tl::expected<hypervisor::rom_image, std::string> find(const std::string&) const override {
    return tl::unexpected<std::string>("not asked for");
  }

  std::vector<hypervisor::rom_file> last;
  std::string problem;

 private:
  std::mutex mutex_;
};

}  // namespace platen::testing
