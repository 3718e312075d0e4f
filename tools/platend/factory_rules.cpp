#include "tools/platend/factory_rules.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

namespace platen::platend {
namespace {

namespace fs = std::filesystem;

using outcome = tl::expected<void, std::string>;

// A smaller guest has no room for what a template is made for.
constexpr std::uint32_t template_memory_least = 256;

outcome fault(const factory_places& said_at, const std::string& key, const std::string& what) {
  const auto place = said_at.find(key);
  const auto shown = "factory." + key.substr(std::string_view("factory_").size());
  return tl::unexpected((place == said_at.end() ? shown : place->second) + ": " + what);
}

bool was_said(const factory_places& said_at, const std::string& key) {
  const auto place = said_at.find(key);
  return place != said_at.end() && !place->second.starts_with("default of ");
}

outcome check_enabled(const config& how, const factory_places& said_at) {
  if (!how.factory_enable_template) return {};
  if (how.factory_image.empty())
    return fault(said_at, "factory_image",
                 "enable_template needs it: name the image that the factory's VMs run, such as "
                 "\"platen/demo:v1\" (see `platen image ls`)");
  if (how.factory_default_memory < template_memory_least)
    return fault(said_at, "factory_default_memory",
                 "a templated VM has at least 256 MiB, found " +
                     std::to_string(how.factory_default_memory) +
                     "; set 256 or more, or enable_template = false");
  return {};
}

outcome settle_qemu(config& how, const factory_places& said_at) {
  if (how.factory_path.empty()) return {};
  if (was_said(said_at, "qemu_binary") && how.qemu_binary != how.factory_path)
    return fault(said_at, "factory_path",
                 "qemu_binary names another program, " + how.qemu_binary.string() +
                     "; one QEMU makes the templates and their clones, so name it once");
  how.qemu_binary = how.factory_path;
  return {};
}

// What bundle.json in `folder` calls its kernel and its initramfs.
std::optional<std::pair<fs::path, fs::path>> guest_files_in(const fs::path& folder) {
  std::ifstream file(folder / "bundle.json");
  const auto bundle = nlohmann::json::parse(file, nullptr, false);
  if (!bundle.is_object() || !bundle.contains("kernel") || !bundle.contains("initramfs") ||
      !bundle["kernel"].is_string() || !bundle["initramfs"].is_string())
    return std::nullopt;
  return std::pair(folder / bundle["kernel"].get<std::string>(),
                   folder / bundle["initramfs"].get<std::string>());
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code missing;
  return fs::equivalent(a, b, missing) && !missing;
}

// The guest's kernel and the initramfs with Platen's agent belong together, and so do the kernel's
// arguments: they are one bundle, which is found by either of its files.
outcome settle_guest(config& how, const factory_places& said_at) {
  const auto& kernel = how.factory_kernel;
  const auto& initrd = how.factory_initrd;
  if (kernel.empty() && initrd.empty()) return {};
  const std::string key = initrd.empty() ? "factory_kernel" : "factory_initrd";
  const auto folder = (initrd.empty() ? kernel : initrd).parent_path();
  const auto files = guest_files_in(folder);
  const std::string advice =
      "; the guest's kernel and initramfs come as a bundle with Platen's agent: name the files of "
      "one, or leave them out and set guest_dir";
  if (!files)
    return fault(said_at, key, "there is no guest bundle (bundle.json) beside it" + advice);
  if (!kernel.empty() && !same_file(kernel, files->first))
    return fault(said_at, "factory_kernel",
                 "the kernel of the bundle is " + files->first.string() + advice);
  if (!initrd.empty() && !same_file(initrd, files->second))
    return fault(said_at, "factory_initrd",
                 "the initramfs of the bundle is " + files->second.string() + advice);
  if (!how.guest_dir.empty() && !same_file(how.guest_dir, folder))
    return fault(said_at, key, "guest_dir names another guest, " + how.guest_dir.string() + advice);
  how.guest_dir = folder;
  return {};
}

outcome check_template_path(const config& how, const factory_places& said_at) {
  const auto& place = how.factory_template_path;
  if (place.empty()) return {};
  if (!place.is_absolute())
    return fault(said_at, "factory_template_path",
                 "expected an absolute path, found '" + place.string() + "'");
  std::error_code ignored;
  if (fs::exists(place, ignored) && !fs::is_directory(place, ignored))
    return fault(said_at, "factory_template_path",
                 "'" + place.string() + "' is not a directory; name one on a tmpfs or on disk");
  return {};
}

}  // namespace

outcome check_factory_image(const std::string& text) {
  const auto dot = text.rfind('.');
  const auto ending = dot == std::string::npos ? std::string() : text.substr(dot);
  const bool is_disk = text.starts_with("/") || text.starts_with(".") || ending == ".img" ||
                       ending == ".raw" || ending == ".qcow2";
  if (text.empty()) return tl::unexpected(std::string("expected an image's name, found nothing"));
  if (is_disk)
    return tl::unexpected(
        "'" + text +
        "' is a file; a template's guest starts from the initrd and not from a disk image of its "
        "own: leave it out, and name an image of the image store, such as \"platen/demo:v1\"");
  return {};
}

outcome check_shared_fs(const std::string& text) {
  if (text.empty() || text == "none") return {};
  return tl::unexpected(
      "'" + text +
      "' cannot be used with templates: its memory is mapped shared with the host (DAX), where the "
      "pages of a template are shared among its clones and must stay as they are; leave it out: "
      "each VM has a block device of its own for its root");
}

outcome settle_factory(config& how, const factory_places& said_at) {
  return check_enabled(how, said_at)
      .and_then([&] { return settle_qemu(how, said_at); })
      .and_then([&] { return settle_guest(how, said_at); })
      .and_then([&] { return check_template_path(how, said_at); });
}

}  // namespace platen::platend
