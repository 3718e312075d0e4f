#include "tools/platen/archive/segment_source.hpp"

#include <filesystem>

#include "tools/platen/disk_log.hpp"

namespace platen::cli {

result<std::unique_ptr<store::segment_log>> open_segments(const std::vector<std::string>& files) {
  std::error_code unreadable;
  for (const auto& file : files)
    if (!std::filesystem::is_regular_file(file, unreadable))
      return fail(exit_code::not_found, file + ": there is no such log segment");
  auto log = store::segment_log::open(files);
  if (!log) return tl::unexpected(as_failure(log.error()));
  return *std::move(log);
}

}  // namespace platen::cli
