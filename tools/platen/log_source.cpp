#include "tools/platen/log_source.hpp"

#include "tools/platen/archive/segment_source.hpp"
#include "tools/platen/disk_log.hpp"
#include "tools/platen/remote_log.hpp"

namespace platen::cli {

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
