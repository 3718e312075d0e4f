#include "http/create/rom_upload.hpp"

#include <set>

#include "http/request/base64.hpp"
#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

using nlohmann::json;

// Base64 takes four characters for three bytes.
constexpr std::size_t encoded_limit = hypervisor::rom_bytes_limit / 3 * 4 + 4;

std::string read_bytes(object_reader& file) {
  const auto encoding = file.text("encoding", 16).value_or("text");
  auto data = file.text("data", encoded_limit);
  if (!file.has("data")) file.report("data", "is required");
  if (encoding != "text" && encoding != "base64")
    file.report("encoding", "must be 'text' or 'base64'");
  if (!data) return {};
  if (encoding == "text") return *std::move(data);
  auto bytes = from_base64(*data);
  if (!bytes) file.report("data", "is not valid base64");
  return std::move(bytes).value_or("");
}

hypervisor::rom_file read_file(const json& value, std::string path, first_problem& problem) {
  object_reader file(value, std::move(path), problem);
  hypervisor::rom_file made;
  const auto name = file.text("path", path_limit);
  if (!file.has("path")) file.report("path", "is required");
  if (name) {
    const auto normal = normalise_file_path(*name);
    if (!normal)
      file.report("path", "must be a relative path of a file, without '..' or control characters");
    made.path = normal.value_or("");
  }
  made.bytes = read_bytes(file);
  file.refuse_others();
  return made;
}

std::string read_mount_point(object_reader& rom) {
  const auto at = rom.text("at", path_limit);
  if (!rom.has("at"))
    rom.report("at", "is required: ROMs without a mount point are not supported yet");
  if (!at) return {};
  const auto normal = normalise_mount_point(*at);
  if (!normal)
    rom.report("at",
               "must be an absolute path of a folder below '/', without '..' or control "
               "characters");
  else if (is_reserved_mount_point(*normal))
    rom.report("at", "must not be /uk, /proc, /sys, /dev or below one of them");
  return normal.value_or("");
}

void check_together(object_reader& rom, const std::vector<hypervisor::rom_file>& files) {
  std::set<std::string> paths;
  std::size_t bytes = 0;
  for (const auto& file : files) {
    bytes += file.bytes.size();
    if (!paths.insert(file.path).second) rom.report("files", "names '" + file.path + "' twice");
  }
  if (bytes > hypervisor::rom_bytes_limit)
    rom.report("files", "are larger than " + std::to_string(hypervisor::rom_bytes_limit) +
                            " bytes together");
}

rom_upload read_rom(const json& value, const std::string& path, std::size_t place,
                    first_problem& problem) {
  object_reader rom(value, path, problem);
  rom_upload made;
  made.name = rom.text("name", name_limit).value_or("rom" + std::to_string(place));
  if (!is_name(made.name)) rom.report("name", "must be " + std::string(name_rule));
  made.at = read_mount_point(rom);
  rom.not_supported_yet({"image"});
  const auto* files = rom.array("files", hypervisor::rom_files_limit);
  if (!rom.has("files")) rom.report("files", "is required");
  if (files != nullptr) {
    if (files->empty()) rom.report("files", "must name at least one file");
    for (const auto& file : *files)
      made.files.push_back(
          read_file(file, path + ".files[" + std::to_string(made.files.size()) + "]", problem));
  }
  check_together(rom, made.files);
  rom.refuse_others();
  return made;
}

}  // namespace

std::vector<rom_upload> read_roms(object_reader& reader) {
  std::vector<rom_upload> all;
  const auto* items = reader.array("roms", 64);
  if (items == nullptr) return all;
  if (items->size() > roms_per_vm) {
    reader.report("roms", "has " + std::to_string(items->size()) +
                              " ROMs: more than one ROM for an instance is not supported yet");
    return all;
  }
  for (const auto& item : *items)
    all.push_back(read_rom(item, reader.path_of("roms") + "[" + std::to_string(all.size()) + "]",
                           all.size(), reader.problem()));
  return all;
}

}  // namespace platen::http
