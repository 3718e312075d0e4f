#include "tools/platend/guest_bundle.hpp"

namespace platen::platend {

namespace fs = std::filesystem;

tl::expected<fs::path, std::string> find_guest_bundle(const fs::path& configured) {
  std::error_code failed;
  const auto executable = fs::read_symlink("/proc/self/exe", failed);
  const auto directory = configured.empty()
                             ? executable.parent_path().parent_path() / "share/platen/guest"
                             : fs::absolute(configured);
  if (!fs::is_regular_file(directory / "bundle.json", failed))
    return tl::unexpected("no guest: " + (directory / "bundle.json").string() +
                          " is missing; build the target platen_guest_bundle, or set guest_dir");
  return directory;
}

}  // namespace platen::platend
