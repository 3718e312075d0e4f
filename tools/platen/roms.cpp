#include "tools/platen/roms.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "hypervisor/images/rom_store.hpp"
#include "tools/platen/base64.hpp"

namespace platen::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool is_plain_text(const std::string& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    return (c >= ' ' && c < 127) || c == '\n' || c == '\t' || c == '\r';
  });
}

result<json> rom_file(const fs::path& source, const std::string& path) {
  std::error_code failed;
  const auto size = fs::file_size(source, failed);
  if (failed) return fail(exit_code::usage, "--rom: " + source.string() + ": " + failed.message());
  if (size > hypervisor::rom_bytes_limit)
    return fail(exit_code::usage, "--rom: " + source.string() + " is larger than the " +
                                      std::to_string(hypervisor::rom_bytes_limit) +
                                      " bytes of an inline ROM");
  std::ostringstream content;
  content << std::ifstream(source, std::ios::binary).rdbuf();
  const auto bytes = content.str();
  if (is_plain_text(bytes)) return json{{"path", path}, {"encoding", "text"}, {"data", bytes}};
  return json{{"path", path}, {"encoding", "base64"}, {"data", to_base64(bytes)}};
}

result<json> files_below(const fs::path& source) {
  json files = json::array();
  std::error_code failed;
  std::vector<fs::path> found;
  if (fs::is_directory(source, failed)) {
    for (fs::recursive_directory_iterator at(source, failed), end; !failed && at != end;
         at.increment(failed))
      if (at->is_regular_file()) found.push_back(at->path());
    std::sort(found.begin(), found.end());
  } else if (fs::is_regular_file(source, failed)) {
    found.push_back(source);
  }
  if (found.empty())
    return fail(exit_code::usage, "--rom: '" + source.string() + "' is no file and has none in it");
  for (const auto& file : found) {
    const auto path = file == source ? file.filename() : file.lexically_relative(source);
    auto made = rom_file(file, path.generic_string());
    if (!made) return made;
    files.push_back(*std::move(made));
  }
  return files;
}

result<json> rom_of_files(const std::string& option) {
  const auto first = option.find('=');
  const auto second = first == std::string::npos ? first : option.find('=', first + 1);
  if (second == std::string::npos || first == 0)
    return fail(exit_code::usage,
                "--rom: expected NAME=AT=DIR or NAME=AT=FILE, found '" + option + "'");
  auto files = files_below(option.substr(second + 1));
  if (!files) return files;
  return json{{"name", option.substr(0, first)},
              {"at", option.substr(first + 1, second - first - 1)},
              {"files", *std::move(files)}};
}

struct rom_text {
  std::string at;
  std::string file;
  std::string text;
};

result<rom_text> parse_text(const std::string& option) {
  const auto equals = option.find('=');
  const auto slash = option.rfind('/', equals);
  if (equals == std::string::npos || slash == std::string::npos || slash == 0 || option[0] != '/' ||
      slash + 1 == equals)
    return fail(
        exit_code::usage,
        "--rom-text: expected /AT/FILE=text, such as /mnt/session/id=42, found '" + option + "'");
  return rom_text{option.substr(0, slash), option.substr(slash + 1, equals - slash - 1),
                  option.substr(equals + 1)};
}

}  // namespace

result<json> inline_roms(const std::vector<std::string>& files,
                         const std::vector<std::string>& texts) {
  json roms = json::array();
  for (const auto& option : files) {
    auto rom = rom_of_files(option);
    if (!rom) return rom;
    roms.push_back(*std::move(rom));
  }
  std::map<std::string, json> by_folder;
  for (const auto& option : texts) {
    const auto text = parse_text(option);
    if (!text) return tl::unexpected(text.error());
    by_folder[text->at].push_back(
        {{"path", text->file}, {"encoding", "text"}, {"data", text->text}});
  }
  for (auto& [at, contents] : by_folder)
    roms.push_back({{"name", fs::path(at).filename().string()}, {"at", at}, {"files", contents}});
  return roms;
}

}  // namespace platen::cli
