// A folder of a test, and what is asked of the files in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace platen::hypervisor::images::test {

// Fresh, and removed at the end.
class test_folder {
 public:
  test_folder();
  ~test_folder();
  test_folder(const test_folder&) = delete;
  test_folder& operator=(const test_folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void write_file(const std::filesystem::path& path, std::string_view content);
std::string content_of(const std::filesystem::path& path);

// Standard output of a program, without a shell; fails the test if the program does.
std::string output_of(const std::string& command_line);

// Runs one debugfs request against an ext4 disk.
std::string ask_disk(const std::filesystem::path& disk, const std::string& request);
bool disk_has(const std::filesystem::path& disk, const std::string& path);
std::string disk_content(const std::filesystem::path& disk, const std::string& path);

bool is_root();

}  // namespace platen::hypervisor::images::test
