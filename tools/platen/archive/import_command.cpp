// platen import: a data directory out of log segments.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "events/hash.hpp"
#include "store/segment/restore.hpp"
#include "tools/common/defaults.hpp"
#include "tools/platen/commands.hpp"
#include "tools/platen/disk_log.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

namespace fs = std::filesystem;

// A directory beside the one that is to be made, gone again unless it takes that one's name.
class staging {
 public:
  static result<staging> beside(const fs::path& target) {
    auto name = (target.parent_path() / ("." + target.filename().string() + ".import-XXXXXX"));
    auto text = name.string();
    if (mkdtemp(text.data()) == nullptr)
      return fail(exit_code::failed, "cannot make a directory in " + target.parent_path().string() +
                                         ": " + std::strerror(errno));
    return staging(text);
  }

  staging(staging&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  staging& operator=(staging&&) = delete;
  ~staging() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }

  // rename(2) replaces an empty directory and refuses any other.
  result<void> become(const fs::path& target) {
    if (rename(path_.c_str(), target.c_str()) != 0)
      return fail(exit_code::failed,
                  "cannot give " + target.string() + " its name: " + std::strerror(errno));
    path_.clear();
    const int parent = open(target.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = parent >= 0 && fsync(parent) == 0;
    if (parent >= 0) close(parent);
    if (!synced)
      return fail(exit_code::failed,
                  "cannot sync " + target.parent_path().string() + ": " + std::strerror(errno));
    return {};
  }

 private:
  explicit staging(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

result<fs::path> check_target(const context& ctx) {
  if (ctx.data.empty())
    return fail(exit_code::usage, "--data: name the data directory that is to be made");
  auto target = fs::absolute(ctx.data).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  std::error_code unreadable;
  const bool is_free = !fs::exists(target, unreadable) ||
                       (fs::is_directory(target, unreadable) && fs::is_empty(target, unreadable));
  if (unreadable || !is_free)
    return fail(exit_code::failed,
                target.string() + " is not an empty directory; import only makes new ones");
  if (!fs::is_directory(target.parent_path(), unreadable))
    return fail(exit_code::not_found,
                target.parent_path().string() + ": there is no such directory; make it first");
  return target;
}

result<void> import_log(const context& ctx, const std::vector<std::string>& files) {
  const auto target = check_target(ctx);
  if (!target) return tl::unexpected(target.error());
  std::error_code unreadable;
  for (const auto& file : files)
    if (!fs::is_regular_file(file, unreadable))
      return fail(exit_code::not_found, file + ": there is no such log segment");
  auto place = staging::beside(*target);
  if (!place) return tl::unexpected(place.error());
  const auto restored = store::restore_log(files, tools::log_path(place->path()).string());
  if (!restored) return tl::unexpected(as_failure(restored.error()));
  if (auto done = place->become(*target); !done) return done;

  const auto head = std::to_string(restored->sequence) + ":" + events::to_hex(restored->hash);
  if (ctx.json)
    print_json({{"data", target->string()}, {"events", restored->sequence}, {"head", head}});
  else
    print_fields({{"data", target->string()},
                  {"events", std::to_string(restored->sequence)},
                  {"head", head}});
  return {};
}

}  // namespace

void add_import_command(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand(
      "import", "Make a data directory (--data) out of log segments: restore a backup");
  const auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("files", *files, "Complete segments, from the first event on")->required();
  on_chosen(command, ctx, [&ctx, files] { return import_log(ctx, *files); });
}

}  // namespace platen::cli
