#include "tests/hypervisor/images/test_folder.hpp"

#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace platen::hypervisor::images::test {

namespace fs = std::filesystem;

test_folder::test_folder() {
  std::string name = (fs::temp_directory_path() / "platen-images-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

test_folder::~test_folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_file(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string output_of(const std::string& command_line) {
  std::FILE* pipe = ::popen((command_line + " 2>/dev/null").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  std::array<char, 4096> buffer{};
  for (std::size_t count = 0; (count = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), count);
  INFO(command_line);
  REQUIRE(::pclose(pipe) == 0);
  return output;
}

std::string ask_disk(const fs::path& disk, const std::string& request) {
  return output_of("PATH=$PATH:/usr/sbin:/sbin debugfs -R '" + request + "' '" + disk.string() +
                   "'");
}

bool disk_has(const fs::path& disk, const std::string& path) {
  return ask_disk(disk, "stat \"" + path + "\"").starts_with("Inode:");
}

std::string disk_content(const fs::path& disk, const std::string& path) {
  return ask_disk(disk, "cat \"" + path + "\"");
}

bool is_root() {
  return ::geteuid() == 0;
}

}  // namespace platen::hypervisor::images::test
