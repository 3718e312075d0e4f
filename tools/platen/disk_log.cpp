#include "tools/platen/disk_log.hpp"

#include "tools/common/defaults.hpp"

namespace platen::cli {

result<std::unique_ptr<store::rocksdb_log>> open_disk_log(const std::filesystem::path& data,
                                                          const std::string& archive) {
  const auto path = tools::log_path(data);
  std::error_code unreadable;
  if (!std::filesystem::is_directory(path, unreadable))
    return fail(exit_code::not_found,
                "no event log in " + data.string() + "; name a data directory with --data");
  store::rocksdb_log::options how;
  how.mode = store::open_mode::read_only;
  how.archive = archive;
  auto log = store::rocksdb_log::open(path.string(), how);
  if (!log) return tl::unexpected(as_failure(log.error()));
  return *std::move(log);
}

failure as_failure(const store::error& error) {
  if (error.what != store::error::kind::corrupt) return {exit_code::failed, error.message};
  const auto where = error.sequence == 0 ? "" : " at sequence " + std::to_string(error.sequence);
  return {exit_code::log_broken, "the event log is broken" + where + ": " + error.message};
}

}  // namespace platen::cli
