#include "hypervisor/qemu/guest_bundle.hpp"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "hypervisor/qemu/digest.hpp"
#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

namespace {

constexpr std::uint64_t description_limit = 64 << 10;

tl::expected<std::string, std::string> digest_of(const std::filesystem::path& path) {
  const auto fd = open_file(path, O_RDONLY);
  if (!fd) return tl::unexpected(fd.error());
  return images::sha256_of_file(fd->get());
}

}  // namespace

tl::expected<guest_bundle, std::string> load_guest_bundle(const std::filesystem::path& folder) {
  const auto advice = [&](const std::string& reason) {
    return tl::unexpected("the guest bundle in " + folder.string() + " cannot be used: " + reason +
                          "; build it with the target platen_guest_bundle");
  };
  const auto text = read_file(folder / "bundle.json", description_limit);
  if (!text) return advice(text.error());
  const auto description = nlohmann::json::parse(*text, nullptr, false);
  if (!description.is_object()) return advice("bundle.json is not a JSON object");
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(folder, ignored);
  guest_bundle bundle;
  try {
    bundle.append = description.at("command_line");
    bundle.append_kvm = description.at("command_line_kvm");
    bundle.kernel = absolute / description.at("kernel").get_ref<const std::string&>();
    bundle.initramfs = absolute / description.at("initramfs").get_ref<const std::string&>();
  } catch (const nlohmann::json::exception& error) {
    return advice(std::string("bundle.json is incomplete: ") + error.what());
  }
  const auto kernel = digest_of(bundle.kernel);
  if (!kernel) return advice(kernel.error());
  const auto initramfs = digest_of(bundle.initramfs);
  if (!initramfs) return advice(initramfs.error());
  bundle.kernel_sha256 = *kernel;
  bundle.initramfs_sha256 = *initramfs;
  return bundle;
}

}  // namespace platen::hypervisor::qemu
