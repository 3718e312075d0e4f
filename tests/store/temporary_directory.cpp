#include "tests/store/temporary_directory.hpp"

#include <stdlib.h>

#include <stdexcept>

namespace platen::store::testing {

namespace {

// Memory where there is a file system in it: what is tested is not the disk, and creating files on
// one is most of the time such a test takes.
std::filesystem::path base() {
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
}

}  // namespace

temporary_directory::temporary_directory() {
  std::string name = (base() / "platen-store-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace platen::store::testing
