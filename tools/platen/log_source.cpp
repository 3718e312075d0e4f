#include "tools/platen/log_source.hpp"

#include "tools/platen/archive/segment_source.hpp"
#include "tools/platen/disk_log.hpp"
#include "tools/platen/remote_log.hpp"

namespace platen::cli {

bool reads_daemon(const context& ctx) {
  return ctx.data.empty() && ctx.segments.empty();
}

std::vector<std::string> log_arguments(const context& ctx) {
  std::vector<std::string> arguments;
  for (const auto& segment : ctx.segments)
    arguments.insert(arguments.end(), {"--segment", segment});
  if (!ctx.data.empty()) arguments.insert(arguments.end(), {"--data", ctx.data});
  if (!ctx.archive.empty()) arguments.insert(arguments.end(), {"--archive", ctx.archive});
  return arguments;
}

result<std::unique_ptr<store::event_log>> open_log(const context& ctx) {
  if (!ctx.segments.empty() && !ctx.data.empty())
    return fail(exit_code::usage, "--segment and --data: name one log, not two");
  if (!ctx.segments.empty()) return open_segments(ctx.segments);
  if (!ctx.data.empty()) return open_disk_log(ctx.data_dir(), ctx.archive);
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  return std::make_unique<remote_log>(*std::move(api));
}

}  // namespace platen::cli
