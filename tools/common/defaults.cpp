#include "tools/common/defaults.hpp"

#include <cstdlib>
#include <string>

namespace platen::tools {

std::filesystem::path default_data_dir() {
  if (const char* data_home = std::getenv("XDG_DATA_HOME");
      data_home != nullptr && *data_home == '/')
    return std::filesystem::path(data_home) / "platen";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::filesystem::path(home) / ".local/share/platen";
  return "platen-data";
}

std::filesystem::path token_path(const std::filesystem::path& data) {
  return data / "token";
}
std::filesystem::path log_path(const std::filesystem::path& data) {
  return data / "log";
}
std::filesystem::path lock_path(const std::filesystem::path& data) {
  return data / "lock";
}

}  // namespace platen::tools
