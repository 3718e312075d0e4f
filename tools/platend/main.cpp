// platend: the daemon. Reads its configuration, starts the parts (daemon.cpp), waits for a signal.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "tools/common/version.hpp"
#include "tools/platend/config.hpp"
#include "tools/platend/daemon.hpp"
#include "tools/platend/stop_signal.hpp"

namespace {

using namespace platen::platend;

constexpr int cannot_start = 1;
constexpr int bad_configuration = 2;

// One option for each key of the table; only those that were given end up in `into`.
void add_options(CLI::App& app, std::map<std::string, std::string>& into) {
  for (const auto& key : config_keys()) {
    const std::string name(key.name);
    const auto take = [&into, name](const std::string& value) { into[name] = value; };
    const auto help = std::string(key.help) + " [" + key.variable() +
                      (key.fallback.empty() ? "" : ", " + std::string(key.fallback)) + "]";
    // A flag may be given as --stop-vms-on-exit or --stop-vms-on-exit=false.
    if (key.kind == value_kind::boolean)
      app.add_flag_function(
          key.flag(), [take](std::int64_t count) { take(count > 0 ? "true" : "false"); }, help);
    else
      app.add_option_function<std::string>(key.flag(), take, help)->type_name("");
  }
}

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void log_to_stderr(const std::string& level) {
  auto logger = spdlog::stderr_logger_mt("platend");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

// A VM takes four descriptors and a connection one; the usual soft limit of 1,024 is kept low for
// programs that call select(), which this one does not.
void raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    spdlog::warn("the limit of open files stays at its default: {}", std::strerror(errno));
}

int serve(const config& how) {
  stop_signal signals;
  log_to_stderr(how.log_level);
  raise_open_files_limit();
  auto running = daemon::start(how);
  if (!running) {
    spdlog::error("cannot start: {}", running.error());
    return cannot_start;
  }
  const int arrived = signals.wait();
  spdlog::info("{}: stopping; {}", arrived == SIGINT ? "SIGINT" : "SIGTERM",
               how.stop_vms_on_exit ? "all VMs are stopped too" : "VMs go on");
  (*running)->stop();
  spdlog::info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Platen's daemon: instances and templates behind an HTTP API.", "platend");
  app.set_version_flag("--version", platen::tools::version);
  config_sources sources;
  sources.environment = variable;
  std::string file;
  app.add_option("--config", file,
                 "TOML file with any of the keys below, written with '_' "
                 "[PLATEN_CONFIG]")
      ->type_name("");
  add_options(app, sources.flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : bad_configuration;
  }
  if (file.empty()) file = variable("PLATEN_CONFIG").value_or("");
  if (!file.empty()) sources.file = file;
  const auto how = load_config(sources);
  if (!how) {
    std::cerr << "platend: " << how.error() << '\n';
    return bad_configuration;
  }
  return serve(*how);
}
