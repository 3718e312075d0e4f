#include "tools/platen/context.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <utility>

#include "tools/common/defaults.hpp"

namespace platen::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

result<std::string> first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line) || line.empty())
    return fail(exit_code::unauthorised, "cannot read a token from " + file.string());
  return line;
}

}  // namespace

std::filesystem::path context::data_dir() const {
  return data.empty() ? tools::default_data_dir() : std::filesystem::path(data);
}

result<endpoint> context::where() const {
  endpoint to{url, token};
  if (to.url.empty()) to.url = variable("PLATEN_URL");
  if (to.url.empty()) to.url = tools::default_url;
  if (!to.token.empty()) return to;
  if (!token_file.empty() || !data.empty()) {
    const std::filesystem::path named(token_file);
    auto line = first_line(token_file.empty() ? tools::token_path(data) : named);
    if (!line) return tl::unexpected(line.error());
    to.token = *std::move(line);
    return to;
  }
  to.token = variable("PLATEN_TOKEN");
  // Without any word from the user, the daemon of this user may have left its token; if not, the
  // daemon itself says that one is needed.
  if (to.token.empty())
    if (auto line = first_line(tools::token_path(tools::default_data_dir()))) to.token = *line;
  return to;
}

result<client> context::connect() const {
  auto to = where();
  if (!to) return tl::unexpected(to.error());
  return client::connect(*std::move(to));
}

bool context::shows_progress() const {
  return progress || isatty(STDERR_FILENO) == 1;
}

void add_global_options(CLI::App& app, context& ctx) {
  app.fallthrough();
  app.add_option("--url", ctx.url,
                 "Where the daemon listens [PLATEN_URL, " + std::string(tools::default_url) + "]");
  app.add_option("--token", ctx.token, "API token [PLATEN_TOKEN]");
  app.add_option("--token-file", ctx.token_file, "File with the API token");
  app.add_option("--data", ctx.data,
                 "Data directory: its token is used; what looks at the event log reads its log");
  app.add_option("--archive", ctx.archive,
                 "Where the archived events of the log in --data are; default: as it remembers");
  // One value each, so that `platen --segment a.plseg events` does not take the command for a file.
  app.add_option("--segment", ctx.segments,
                 "Read this log segment instead of a log; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--json", ctx.json, "Print JSON for scripts");
  app.add_flag("--progress", ctx.progress, "Show progress on stderr even if it is no terminal");
}

void on_chosen(CLI::App* command, context& ctx, action work) {
  command->callback([&ctx, work = std::move(work)] { ctx.chosen = work; });
}

}  // namespace platen::cli
