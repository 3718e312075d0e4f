// platen verify: whether a log is whole, through the daemon or, with --data, on disk.
#include <charconv>
#include <memory>

#include "events/hash.hpp"
#include "store/verify.hpp"
#include "tools/platen/commands.hpp"
#include "tools/platen/disk_log.hpp"
#include "tools/platen/log_source.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

// ---- verify ------------------------------------------------------------------------------------

// "SEQUENCE:HASH", as verify prints it.
result<std::optional<store::head>> parse_witness(const std::string& text) {
  if (text.empty()) return std::nullopt;
  store::head witness;
  const auto colon = text.find(':');
  const auto hash =
      colon == std::string::npos ? std::nullopt : events::digest_from_hex(text.substr(colon + 1));
  const auto [stop, error] =
      std::from_chars(text.data(), text.data() + text.size(), witness.sequence);
  if (!hash || error != std::errc{} || stop != text.data() + colon)
    return fail(exit_code::usage,
                "--witness: expected SEQUENCE:HASH as verify prints it, found '" + text + "'");
  witness.hash = *hash;
  return witness;
}

result<void> verify(const context& ctx, const std::string& witness_text) {
  const auto witness = parse_witness(witness_text);
  if (!witness) return tl::unexpected(witness.error());
  const auto log = open_log(ctx);
  if (!log) return tl::unexpected(log.error());
  const auto report = store::verify(**log, *witness);
  const auto head =
      std::to_string(report.verified.sequence) + ":" + events::to_hex(report.verified.hash);
  if (ctx.json) {
    json out{{"ok", report.ok()},     {"events", report.events},     {"streams", report.streams},
             {"first", report.first}, {"withheld", report.withheld}, {"head", head}};
    if (report.first_bad)
      out["first_bad"] = {{"sequence", report.first_bad->sequence},
                          {"reason", report.first_bad->message}};
    print_json(out);
  } else {
    print_fields({{"events", std::to_string(report.events)},
                  {"streams", std::to_string(report.streams)},
                  {"withheld", std::to_string(report.withheld)},
                  {"head", head},
                  {"chain", report.ok() ? "unbroken" : "BROKEN"}});
  }
  if (!report.ok()) return tl::unexpected(as_failure(*report.first_bad));
  return {};
}

}  // namespace

void add_log_commands(CLI::App& app, context& ctx) {
  auto* walk = app.add_subcommand("verify", "Walk the hash chain of the log");
  const auto witness = std::make_shared<std::string>();
  walk->add_option("--witness", *witness,
                   "SEQUENCE:HASH that verify printed earlier: the log must still contain it");
  on_chosen(walk, ctx, [&ctx, witness] { return verify(ctx, *witness); });
}

}  // namespace platen::cli
