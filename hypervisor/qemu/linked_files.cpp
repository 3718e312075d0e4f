#include "hypervisor/qemu/linked_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

namespace fs = std::filesystem;

tl::expected<void, std::string> move_behind_link(const fs::path& file, const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return tl::unexpected(system_error_sentence("make", folder));
  const auto content = open_file(file, O_RDONLY);
  if (!content) return tl::unexpected(content.error());
  const auto target = folder / file.filename();
  std::error_code error;
  fs::remove(file, error);
  if (!error) fs::create_symlink(target, file, error);
  if (error)
    return tl::unexpected("cannot put a link in the place of " + file.string() + ": " +
                          error.message());
  return copy_sparse(content->get(), target);
}

bool leads_nowhere(const fs::path& file) {
  std::error_code ignored;
  return fs::is_symlink(file, ignored) && !fs::exists(file, ignored);
}

void remove_with_linked(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    std::error_code no_link;
    const auto target = fs::read_symlink(entry.path(), no_link);
    if (no_link) continue;
    fs::remove(target, ignored);
    // Only once nothing is left in it.
    fs::remove(target.parent_path(), ignored);
  }
  fs::remove_all(folder, ignored);
}

}  // namespace platen::hypervisor::qemu
