// A directory of its own for a test, gone afterwards.
#pragma once

#include <filesystem>
#include <string>

namespace platen::store::testing {

class temporary_directory {
 public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  // The path of an entry in it.
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace platen::store::testing
