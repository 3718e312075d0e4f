#include "http/view/process_use.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace platen::http {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string working_directory(const std::string& folder) {
  std::error_code gone;
  return std::filesystem::read_symlink(folder + "/cwd", gone).string();
}

// The fields of /proc/PID/stat as proc(5) numbers them. The second is the program's name, which may
// contain anything.
std::optional<process_use> parse(const std::string& stat) {
  constexpr int first_after_name = 3;
  constexpr int user_time = 14;
  constexpr int resident_pages = 24;
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int i = first_after_name; i < user_time; ++i)
    fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  std::uint64_t pages = 0;
  fields >> user >> system;
  for (int i = user_time + 2; i < resident_pages; ++i)
    fields >> skipped;
  fields >> pages;
  if (!fields) return std::nullopt;
  const auto ticks_a_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return process_use{pages * page_bytes, (user + system) * 1000 / ticks_a_second};
}

}  // namespace

std::optional<process_use> use_of_process(std::uint32_t pid, std::string_view mark) {
  const auto folder = "/proc/" + std::to_string(pid);
  if (contents(folder + "/cmdline").find(mark) == std::string::npos &&
      working_directory(folder).find(mark) == std::string::npos)
    return std::nullopt;
  return parse(contents(folder + "/stat"));
}

std::optional<process_use> use_of_this_process() {
  return parse(contents("/proc/self/stat"));
}

}  // namespace platen::http
