// Builds archives entry by entry, also such as no honest tool would write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace platen::hypervisor::images::test {

enum class kind { file, folder, symbolic_link, hard_link, character_device, pipe, socket };

struct entry {
  kind type = kind::file;
  std::string name;
  std::string content;  // of a file; the target of a link
  unsigned mode = 0644;
  unsigned uid = 0;
  unsigned gid = 0;
  std::map<std::string, std::string> attributes = {};
};

inline entry file(std::string name, std::string content) {
  return {kind::file, std::move(name), std::move(content)};
}
inline entry folder(std::string name) {
  return {kind::folder, std::move(name), "", 0755};
}
inline entry symbolic_link(std::string name, std::string target) {
  return {kind::symbolic_link, std::move(name), std::move(target), 0777};
}
inline entry hard_link(std::string name, std::string target) {
  return {kind::hard_link, std::move(name), std::move(target)};
}

enum class compression { none, gzip, zstd, xz };

// The bytes of a tar archive.
std::string tar(const std::vector<entry>& entries, compression how = compression::none);

// Compresses any bytes.
std::string compressed(const std::string& bytes, compression how);

}  // namespace platen::hypervisor::images::test
