#include "tools/platen/log_source.hpp"

#include "tools/platen/disk_log.hpp"
#include "tools/platen/remote_log.hpp"

namespace platen::cli {

bool reads_daemon(const context& ctx) {
  return ctx.data.empty();
}

std::vector<std::string> log_arguments(const context& ctx) {
  return {"--data", ctx.data};
}

result<std::unique_ptr<store::event_log>> open_log(const context& ctx) {
  if (!reads_daemon(ctx)) return open_disk_log(ctx.data_dir());
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  return std::make_unique<remote_log>(*std::move(api));
}

}  // namespace platen::cli
