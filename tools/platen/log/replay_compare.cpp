// platen replay --hashes|--check|--against
#include <iostream>

#include "events/json.hpp"
#include "tools/platen/log/child_output.hpp"
#include "tools/platen/log/opened_log.hpp"
#include "tools/platen/log/replay_checks.hpp"
#include "tools/platen/log/replay_modes.hpp"
#include "tools/platen/log/stepper.hpp"
#include "tools/platen/log_source.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

// ---- check -------------------------------------------------------------------------------------

json to_json(const stored_hash_report& report) {
  json out{{"ok", report.ok()},
           {"agreed", report.agreed},
           {"disagreed", report.disagreed},
           {"other_format", report.other_format},
           {"without_hash", report.without_hash},
           {"incomplete", report.incomplete}};
  if (report.first)
    out["first"] = {{"sequence", report.first->through},
                    {"checkpoint", report.first->checkpoint},
                    {"stored", report.first->stored},
                    {"computed", report.first->computed}};
  return out;
}

void print_report(const stored_hash_report& report) {
  std::cout << report.agreed << " stored state hashes agree with today's code\n";
  if (report.disagreed != 0) std::cout << report.disagreed << " do not\n";
  if (report.other_format != 0)
    std::cout << report.other_format
              << " were written by a version whose states look different: not compared\n";
  if (report.without_hash != 0) std::cout << report.without_hash << " checkpoints carry none\n";
  if (report.incomplete != 0)
    std::cout << report.incomplete
              << " follow events that are withheld or not in this log: not compared\n";
  if (report.first)
    std::cout << "first at sequence " << report.first->through << ": checkpoint "
              << report.first->checkpoint << " says " << report.first->stored
              << ", folded today it is " << report.first->computed << '\n';
}

// ---- against -----------------------------------------------------------------------------------

// The other program finds the same log in its arguments, and the token, which is nobody else's
// business, in its environment.
struct invocation {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

result<invocation> hashes_of(const context& ctx, const std::string& other, std::uint64_t up_to) {
  invocation out{{other, "replay", "--hashes", "--at", std::to_string(up_to)}, {}};
  if (!reads_daemon(ctx)) {
    const auto source = log_arguments(ctx);
    out.arguments.insert(out.arguments.end(), source.begin(), source.end());
    return out;
  }
  const auto where = ctx.where();
  if (!where) return tl::unexpected(where.error());
  out.environment = {"PLATEN_URL=" + where->url, "PLATEN_TOKEN=" + where->token};
  return out;
}

result<std::optional<state_line>> next_of(child_output& other) {
  const auto text = other.next_line();
  if (!text) return std::nullopt;
  auto line = parse_state_line(*text);
  if (!line)
    return fail(exit_code::failed,
                "the other version printed '" + *text + "', not SEQ STREAM VERSION HASH");
  return line;
}

result<json> to_json(const version_report& report, const spool& log) {
  json out{{"ok", report.disagreed == 0},
           {"compared", report.compared},
           {"disagreed", report.disagreed}};
  if (!report.first) return out;
  const auto position = log.count_up_to_sequence(report.first->sequence);
  out["first"] = {{"sequence", report.first->sequence},
                  {"ours", report.first->ours ? json(*report.first->ours) : json()},
                  {"theirs", report.first->theirs ? json(*report.first->theirs) : json()}};
  if (position == 0) return out;
  const auto event = log.at(position - 1);
  if (!event) return tl::unexpected(event.error());
  out["first"]["event"] = json::parse(events::to_json(*event));
  return out;
}

void print_versions(const json& report) {
  std::cout << "states compared: " << report["compared"] << ", disagreeing: " << report["disagreed"]
            << '\n';
  if (!report.contains("first")) return;
  const auto& first = report["first"];
  std::cout << "first at sequence " << first["sequence"] << '\n';
  print_fields({{"this version", text_of(first, "ours")}, {"the other", text_of(first, "theirs")}});
  if (first.contains("event")) std::cout << first["event"].dump(2) << '\n';
}

}  // namespace

result<void> replay_hashes(const context& ctx, const std::string& at) {
  const auto log = open_spool(ctx);
  if (!log) return tl::unexpected(log.error());
  const auto end = at.empty() ? log->size() : position_of(*log, at);
  if (!end) return tl::unexpected(end.error());
  actors::world all;
  return log->each(0, *end, [&](const events::envelope& event) {
    actors::apply(all, event);
    const auto line = line_of(all, event);
    if (line && ctx.json)
      std::cout << json{{"sequence", line->sequence},
                        {"stream", line->stream},
                        {"version", line->version},
                        {"hash", line->hash}}
                       .dump()
                << '\n';
    else if (line)
      std::cout << to_text(*line) << '\n';
    return std::cout.good();
  });
}

result<void> replay_check(const context& ctx) {
  const auto log = open_spool(ctx);
  if (!log) return tl::unexpected(log.error());
  const auto report = check_stored_hashes(*log);
  if (!report) return tl::unexpected(report.error());
  if (ctx.json)
    print_json(to_json(*report));
  else
    print_report(*report);
  if (report->ok()) return {};
  return fail(exit_code::log_broken, "replay disagrees with the stored states from sequence " +
                                         std::to_string(report->first->through) + " on");
}

result<void> replay_against(const context& ctx, const std::string& other) {
  const auto log = open_spool(ctx);
  if (!log) return tl::unexpected(log.error());
  // The log may go on growing while both read it.
  const auto newest = log->size() == 0 ? 0 : log->sequence_at(log->size() - 1);
  const auto how = hashes_of(ctx, other, newest);
  if (!how) return tl::unexpected(how.error());
  auto program = child_output::start(how->arguments, how->environment);
  if (!program) return tl::unexpected(program.error());
  const auto report = compare_versions(*log, [&] { return next_of(*program); });
  if (!report) return tl::unexpected(report.error());
  if (const auto ended = program->finish(); !ended) return ended;
  const auto shown = to_json(*report, *log);
  if (!shown) return tl::unexpected(shown.error());
  if (ctx.json)
    print_json(*shown);
  else
    print_versions(*shown);
  if (report->disagreed == 0) return {};
  return fail(exit_code::log_broken, "the two versions disagree from sequence " +
                                         std::to_string(report->first->sequence) + " on");
}

}  // namespace platen::cli
