#include "http/create/rom_upload.hpp"

#include <algorithm>
#include <cctype>
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

// After its place where it has one, so that ROMs of different templates do not meet by their names.
std::string read_name(object_reader& rom, const std::string& at, std::size_t place) {
  auto fallback = at.empty() ? "rom" + std::to_string(place) : at.substr(1, name_limit);
  std::ranges::replace_if(
      fallback, [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
  if (std::isalnum(static_cast<unsigned char>(fallback.front())) == 0) fallback.front() = '0';
  auto name = rom.text("name", name_limit).value_or(fallback);
  if (!is_name(name)) rom.report("name", "must be " + std::string(name_rule));
  return name;
}

std::string read_rom_image(object_reader& rom) {
  const auto* given = rom.any("image");
  if (given == nullptr) return {};
  std::string name;
  if (given->is_object()) {
    object_reader spec(*given, rom.path_of("image"), rom.problem());
    name = spec.text("url", path_limit).value_or("");
    if (!spec.has("url")) spec.report("url", "is required");
    spec.not_supported_yet({"credentials", "headers", "pull_policy", "merge_requests"});
    spec.refuse_others();
  } else {
    name = rom.text("image", path_limit).value_or("");
  }
  if (!is_image_name(name)) rom.report("image", "must be " + std::string(image_rule));
  return name;
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

std::vector<hypervisor::rom_file> read_files(object_reader& rom) {
  std::vector<hypervisor::rom_file> made;
  const auto* files = rom.array("files", hypervisor::rom_files_limit);
  if (files == nullptr) return made;
  if (files->empty()) rom.report("files", "must name at least one file");
  for (const auto& file : *files)
    made.push_back(read_file(file, rom.path_of("files") + "[" + std::to_string(made.size()) + "]",
                             rom.problem()));
  check_together(rom, made);
  return made;
}

rom_upload read_rom(const json& value, const std::string& path, std::size_t place,
                    first_problem& problem) {
  object_reader rom(value, path, problem);
  rom_upload made;
  made.at = read_mount_point(rom);
  made.name = read_name(rom, made.at, place);
  if (rom.has("image") && rom.has("files"))
    rom.report("image", "and 'files' cannot both be given: a ROM is an image or has files");
  if (!rom.has("image") && !rom.has("files")) rom.report("files", "or 'image' is required");
  made.image = read_rom_image(rom);
  made.files = read_files(rom);
  rom.refuse_others();
  return made;
}

void refuse_repeated(const std::vector<rom_upload>& roms, const std::string& path,
                     first_problem& problem) {
  std::set<std::string> names;
  std::set<std::string> places;
  for (std::size_t i = 0; i < roms.size(); ++i) {
    const auto item = "'" + path + "[" + std::to_string(i) + "]";
    if (!names.insert(roms[i].name).second)
      problem.report(item + ".name' is '" + roms[i].name +
                     "', the name of another ROM; give it a name of its own");
    if (!roms[i].at.empty() && !places.insert(roms[i].at).second)
      problem.report(item + ".at' is '" + roms[i].at +
                     "', where another ROM is mounted; choose another place");
  }
}

}  // namespace

std::vector<rom_upload> read_roms(object_reader& reader) {
  std::vector<rom_upload> all;
  const auto* items = reader.array("roms", 64);
  if (items == nullptr) return all;
  if (items->size() > hypervisor::roms_per_vm_limit) {
    reader.report("roms", "has " + std::to_string(items->size()) +
                              " ROMs; an instance has at most " +
                              std::to_string(hypervisor::roms_per_vm_limit));
    return all;
  }
  const auto path = reader.path_of("roms");
  for (const auto& item : *items)
    all.push_back(read_rom(item, path + "[" + std::to_string(all.size()) + "]", all.size(),
                           reader.problem()));
  refuse_repeated(all, path, reader.problem());
  return all;
}

}  // namespace platen::http
