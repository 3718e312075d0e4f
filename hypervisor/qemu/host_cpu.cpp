#include "hypervisor/qemu/host_cpu.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace platen::hypervisor::qemu {

namespace {

// What stands behind "key   : " in the first line that begins so; empty if none does.
std::string value_of(std::string_view text, std::string_view key) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || line.find_last_not_of(" \t", colon - 1) + 1 != key.size() ||
        !line.starts_with(key))
      continue;
    const auto begin = line.find_first_not_of(' ', colon + 1);
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return {};
}

}  // namespace

cpu_facts parse_cpuinfo(std::string_view text) {
  cpu_facts facts;
  facts.model = value_of(text, "model name");
  std::istringstream flags(value_of(text, "flags"));
  facts.flags.assign(std::istream_iterator<std::string>(flags), {});
  std::sort(facts.flags.begin(), facts.flags.end());
  return facts;
}

cpu_facts look_at_cpu() {
  std::ifstream file("/proc/cpuinfo");
  std::ostringstream text;
  text << file.rdbuf();
  return parse_cpuinfo(text.str());
}

std::string host_kernel_release() {
  utsname names{};
  return ::uname(&names) == 0 ? names.release : "";
}

}  // namespace platen::hypervisor::qemu
