#include "hypervisor/images/oci_layout.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "hypervisor/images/files.hpp"
#include "hypervisor/images/messages.hpp"
#include "hypervisor/images/sha256.hpp"

namespace platen::hypervisor::images {
namespace {

using nlohmann::json;

constexpr std::uint64_t document_limit = 4 << 20;  // registries refuse manifests larger than 4 MiB
constexpr std::size_t layers_limit = 500;
constexpr int nested_indexes_limit = 4;
constexpr std::string_view digest_algorithm = "sha256:";

// Thrown and caught in this file only, where the JSON library throws as well.
struct invalid_image {
  std::string reason;
};

[[noreturn]] void refuse(std::string reason) {
  throw invalid_image{std::move(reason)};
}

struct descriptor {
  std::string media_type;
  std::string hex;  // of the SHA-256
  std::uint64_t size = 0;
  std::optional<std::string> platform;  // "linux/arm64/v8"
  std::string reference;
};

bool is_index(std::string_view type) {
  return type == "application/vnd.oci.image.index.v1+json" ||
         type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

bool is_manifest(std::string_view type) {
  return type == "application/vnd.oci.image.manifest.v1+json" ||
         type == "application/vnd.docker.distribution.manifest.v2+json";
}

bool is_layer(std::string_view type) {
  static const std::set<std::string_view> known{
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.v1.tar+zstd",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.diff.tar.zstd"};
  return known.contains(type);
}

std::string text_or(const json& object, const char* key, const std::string& otherwise) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? otherwise : found->get<std::string>();
}

// Lists that are empty are left out or null, as the tool pleases.
std::vector<std::string> texts(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  return found->get<std::vector<std::string>>();
}

bool is_platform_we_run(const std::string& platform) {
  return platform == "linux/amd64" || platform == "linux/amd64/v1";
}

std::string platform_of(const json& object) {
  std::string platform = text_or(object, "os", "?") + "/" + text_or(object, "architecture", "?");
  const std::string variant = text_or(object, "variant", "");
  return variant.empty() ? platform : platform + "/" + variant;
}

std::string hex_of(const std::string& digest) {
  const std::string_view text = digest;
  if (!text.starts_with(digest_algorithm) || !is_sha256_hex(text.substr(digest_algorithm.size())))
    refuse("the digest '" + digest.substr(0, 100) + "' is not 'sha256:' and 64 hexadecimal digits");
  return digest.substr(digest_algorithm.size());
}

descriptor descriptor_from(const json& value) {
  descriptor result;
  result.media_type = text_or(value, "mediaType", "");
  result.hex = hex_of(value.at("digest").get<std::string>());
  result.size = value.at("size").get<std::uint64_t>();
  if (value.contains("platform")) result.platform = platform_of(value["platform"]);
  if (const auto notes = value.find("annotations"); notes != value.end())
    result.reference = text_or(*notes, "org.opencontainers.image.ref.name", "");
  return result;
}

enum class links { refused, inside_the_folder };

class image_folder {
 public:
  explicit image_folder(const std::filesystem::path& path)
      : folder_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!folder_) refuse(file_error("open", path, errno));
  }

  unique_fd open_file(const std::string& name, links policy) const {
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    how.resolve = policy == links::refused ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
                                           : RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    unique_fd file(
        static_cast<int>(::syscall(SYS_openat2, folder_.get(), name.c_str(), &how, sizeof how)));
    if (!file) refuse("its file '" + name + "' cannot be opened: " + system_error_text(errno));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
      refuse("'" + name + "' in it is not a file");
    return file;
  }

  json document(const std::string& name, links policy) const {
    const unique_fd file = open_file(name, policy);
    return parse(file, name);
  }

  unique_fd open_blob(const descriptor& wanted) const {
    unique_fd file = open_file("blobs/sha256/" + wanted.hex, links::refused);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0 ||
        static_cast<std::uint64_t>(status.st_size) != wanted.size)
      refuse("blob sha256:" + wanted.hex + " is " + std::to_string(status.st_size) +
             " bytes long instead of " + std::to_string(wanted.size) + "; copy the image again");
    const auto hash = sha256_of_file(file.get());
    if (!hash) refuse("blob sha256:" + wanted.hex + " cannot be read: " + hash.error());
    if (*hash != wanted.hex)
      refuse("blob sha256:" + wanted.hex +
             " is damaged, its content has the digest sha256:" + *hash + "; copy the image again");
    return file;
  }

  json blob_document(const descriptor& wanted) const {
    if (wanted.size > document_limit) refuse("its manifest is larger than 4 MiB");
    return parse(open_blob(wanted), "blob sha256:" + wanted.hex);
  }

 private:
  static json parse(const unique_fd& file, const std::string& name) {
    ::lseek(file.get(), 0, SEEK_SET);
    const auto text = read_all(file.get(), document_limit);
    if (!text) refuse("'" + name + "' in it cannot be read: " + text.error());
    try {
      return json::parse(*text);
    } catch (const json::exception&) {
      refuse("'" + name + "' in it is not JSON");
    }
  }

  unique_fd folder_;
};

bool has_tag(const std::string& reference, const std::string& tag) {
  return reference == tag || reference.ends_with(":" + tag);
}

class manifest_search {
 public:
  manifest_search(const image_folder& folder, const std::string& tag)
      : folder_(folder), tag_(tag) {}

  descriptor find() {
    visit_index(folder_.document("index.json", links::refused), 0, "");
    if (tagged_) return *tagged_;
    if (first_) return *first_;
    std::string list;
    for (const std::string& platform : others_)
      list += (list.empty() ? "" : ", ") + platform;
    if (list.empty()) refuse("its index names no image manifest");
    refuse("it is for " + list + ", but guests are linux/amd64; build or copy it for linux/amd64");
  }

 private:
  void visit_index(const json& index, int depth, const std::string& reference) {
    if (depth > nested_indexes_limit) refuse("its indexes are nested too deeply");
    for (const json& value : index.at("manifests"))
      visit(descriptor_from(value), depth, reference);
  }

  void visit(descriptor found, int depth, const std::string& outer_reference) {
    if (found.reference.empty()) found.reference = outer_reference;
    if (is_index(found.media_type))
      return visit_index(folder_.blob_document(found), depth + 1, found.reference);
    // Kinds that are not known, like signatures, are to be passed over.
    if (!is_manifest(found.media_type)) return;
    if (found.platform && !is_platform_we_run(*found.platform)) {
      if (!found.platform->starts_with("unknown/")) others_.insert(*found.platform);
      return;
    }
    if (!tagged_ && has_tag(found.reference, tag_)) tagged_ = found;
    if (!first_) first_ = found;
  }

  const image_folder& folder_;
  const std::string& tag_;
  std::optional<descriptor> tagged_;
  std::optional<descriptor> first_;
  std::set<std::string> others_;
};

image_config config_from(const json& document) {
  const std::string platform = platform_of(document);
  if ((document.contains("os") || document.contains("architecture")) &&
      !is_platform_we_run(platform))
    refuse("it is for " + platform +
           ", but guests are linux/amd64; build or copy it for linux/amd64");
  image_config result;
  const auto config = document.find("config");
  if (config == document.end() || config->is_null()) return result;
  result.entrypoint = texts(*config, "Entrypoint");
  result.cmd = texts(*config, "Cmd");
  result.workdir = text_or(*config, "WorkingDir", "");
  result.user = text_or(*config, "User", "");
  for (const std::string& variable : texts(*config, "Env")) {
    const auto equals = variable.find('=');
    if (equals == 0) refuse("its config has an environment variable without a name");
    result.env[variable.substr(0, equals)] =
        equals == variable.npos ? "" : variable.substr(equals + 1);
  }
  return result;
}

std::vector<std::string> diff_ids_from(const json& config, std::size_t layers) {
  std::vector<std::string> ids;
  if (const auto rootfs = config.find("rootfs"); rootfs != config.end())
    ids = texts(*rootfs, "diff_ids");
  if (ids.empty()) return std::vector<std::string>(layers);
  if (ids.size() != layers)
    refuse("its config speaks of " + std::to_string(ids.size()) + " layers and its manifest of " +
           std::to_string(layers));
  for (std::string& id : ids)
    id = hex_of(id);
  return ids;
}

packed_image read_layout(const image_folder& folder, const std::string& tag) {
  const json manifest = folder.blob_document(manifest_search(folder, tag).find());
  const json config = folder.blob_document(descriptor_from(manifest.at("config")));
  packed_image result;
  result.config = config_from(config);
  const json& layers = manifest.at("layers");
  if (layers.size() > layers_limit)
    refuse("it has more than " + std::to_string(layers_limit) + " layers");
  const auto diff_ids = diff_ids_from(config, layers.size());
  for (const json& value : layers) {
    const descriptor layer = descriptor_from(value);
    if (!is_layer(layer.media_type))
      refuse("its layer sha256:" + layer.hex + " is of the kind '" + layer.media_type +
             "'; only tar layers, plain or compressed with gzip or zstd, can be imported");
    result.layers.push_back(
        {"sha256:" + layer.hex, folder.open_blob(layer), diff_ids.at(result.layers.size())});
  }
  return result;
}

packed_image read_archive(const image_folder& folder) {
  // The layers of old archives are links to each other.
  const auto policy = links::inside_the_folder;
  const json images = folder.document("manifest.json", policy);
  if (images.size() != 1)
    refuse("it holds " + std::to_string(images.size()) +
           " images; save one image at a time with 'docker save NAME'");
  const json& manifest = images.at(0);
  const json config = folder.document(manifest.at("Config").get<std::string>(), policy);
  packed_image result;
  result.config = config_from(config);
  const auto names = texts(manifest, "Layers");
  if (names.size() > layers_limit)
    refuse("it has more than " + std::to_string(layers_limit) + " layers");
  const auto diff_ids = diff_ids_from(config, names.size());
  for (const std::string& name : names)
    result.layers.push_back(
        {name, folder.open_file(name, policy), diff_ids.at(result.layers.size())});
  return result;
}

template <typename Reader>
tl::expected<packed_image, std::string> guarded(const Reader& read) {
  try {
    return read();
  } catch (const invalid_image& error) {
    return failure("the image cannot be imported: " + error.reason);
  } catch (const json::exception& error) {
    return failure(std::string("the image cannot be imported: a document in it is not as "
                               "the OCI specification says: ") +
                   error.what());
  }
}

bool has_file(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::symlink_status(path, error).type() == std::filesystem::file_type::regular;
}

}  // namespace

bool is_oci_layout(const std::filesystem::path& folder) {
  return has_file(folder / "oci-layout") && has_file(folder / "index.json");
}

bool is_docker_archive(const std::filesystem::path& folder) {
  if (!has_file(folder / "manifest.json")) return false;
  // A root file system may have a file of that name, but then it has a system's folders as well.
  std::error_code error;
  return !std::filesystem::exists(folder / "bin", error) &&
         !std::filesystem::exists(folder / "etc", error) &&
         !std::filesystem::exists(folder / "usr", error);
}

tl::expected<packed_image, std::string> read_oci_layout(const std::filesystem::path& folder,
                                                        const std::string& tag) {
  return guarded([&] { return read_layout(image_folder(folder), tag); });
}

tl::expected<packed_image, std::string> read_docker_archive(const std::filesystem::path& folder) {
  return guarded([&] { return read_archive(image_folder(folder)); });
}

}  // namespace platen::hypervisor::images
