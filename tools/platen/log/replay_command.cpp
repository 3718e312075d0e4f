// platen replay: what the entities were at any point of the log; see replay_modes.hpp for the rest.
#include <iostream>
#include <memory>

#include "tools/platen/commands.hpp"
#include "tools/platen/log/opened_log.hpp"
#include "tools/platen/log/replay_modes.hpp"
#include "tools/platen/log/stepper.hpp"
#include "tools/platen/output.hpp"
#include "tools/platen/state_json.hpp"

namespace platen::cli {
namespace {

struct replay_wish {
  std::string at;
  bool step = false;
  std::string script;
  bool check = false;
  bool hashes = false;
  std::string against;
};

result<void> show_world(const context& ctx, const std::string& at) {
  const auto copy = open_spool(ctx);
  if (!copy) return tl::unexpected(copy.error());
  const auto end = at.empty() ? copy->size() : position_of(*copy, at);
  if (!end) return tl::unexpected(failure{end.error().code, "--at: " + end.error().message});
  actors::world all;
  const auto read = copy->each(0, *end, [&](const events::envelope& event) {
    actors::apply(all, event);
    return true;
  });
  if (!read) return read;
  if (ctx.json)
    print_json(to_json(all));
  else
    print_lines(world_text(all));
  return {};
}

result<void> replay(const context& ctx, const replay_wish& wish) {
  if (wish.step || !wish.script.empty()) return replay_step(ctx, wish.at, wish.script);
  if (wish.check) return replay_check(ctx);
  if (!wish.against.empty()) return replay_against(ctx, wish.against);
  if (wish.hashes) return replay_hashes(ctx, wish.at);
  return show_world(ctx, wish.at);
}

}  // namespace

void add_replay_commands(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand(
      "replay", "Fold the log: every entity's state at any point of it, or step through it");
  const auto wish = std::make_shared<replay_wish>();
  auto* at = command->add_option("--at", wish->at,
                                 "As it was after this sequence, or after the last event up to "
                                 "this time; default: the newest");
  auto* step = command->add_flag("--step", wish->step,
                                 "Step forward and back with commands; 'help' shows them");
  auto* script = command->add_option("--script", wish->script,
                                     "Commands of --step, separated by ';', instead of typed ones");
  auto* check = command->add_flag(
      "--check", wish->check, "Compare with the state hashes that checkpoints in the log carry");
  auto* hashes = command->add_flag("--hashes", wish->hashes,
                                   "Print SEQ STREAM VERSION HASH of each state after each event");
  auto* against = command->add_option(
      "--against", wish->against, "Compare with what another platen program makes of the same log");
  check->excludes(at, step, script, hashes, against);
  against->excludes(at, step, script, hashes);
  hashes->excludes(step, script);
  on_chosen(command, ctx, [&ctx, wish] { return replay(ctx, *wish); });
}

}  // namespace platen::cli
