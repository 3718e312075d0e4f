// The command line of Platen. Each group of commands is a file of its own, see commands.hpp.
#include <CLI/CLI.hpp>
#include <iostream>

#include "tools/common/version.hpp"
#include "tools/platen/commands.hpp"
#include "tools/platen/output.hpp"

namespace {

using namespace platen::cli;

constexpr const char* footer =
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 timed out, 5 daemon unreachable,\n"
    "6 unauthorised, 7 event log broken.";

int report(const failure& failed) {
  if (!failed.console_tail.empty())
    std::cerr << "---- the end of the console ----\n"
              << printable(failed.console_tail) << "\n--------------------------------\n";
  if (!failed.message.empty()) std::cerr << "platen: " << printable(failed.message) << '\n';
  return static_cast<int>(failed.code);
}

}  // namespace

int main(int argc, char** argv) {
  context ctx;
  CLI::App app("Instances, templates, images and the event log of a Platen daemon.", "platen");
  app.footer(footer);
  app.set_version_flag("--version", platen::tools::version);
  app.require_subcommand(1);
  add_global_options(app, ctx);
  add_instance_commands(app, ctx);
  add_template_commands(app, ctx);
  add_factory_commands(app, ctx);
  add_service_commands(app, ctx);
  add_certificate_commands(app, ctx);
  add_image_commands(app, ctx);
  add_event_commands(app, ctx);
  add_explain_commands(app, ctx);
  add_replay_commands(app, ctx);
  add_timeline_commands(app, ctx);
  add_verify_command(app, ctx);
  add_export_command(app, ctx);
  add_import_command(app, ctx);
  add_status_commands(app, ctx);
  add_metrics_command(app, ctx);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(exit_code::usage);
  }
  const auto done = ctx.chosen();
  return done ? 0 : report(done.error());
}
