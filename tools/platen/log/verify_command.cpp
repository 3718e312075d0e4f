// platen verify: whether a log is whole, and vouched for, wherever it is.
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "events/hash.hpp"
#include "store/checkpoint.hpp"
#include "store/verify.hpp"
#include "tools/platen/commands.hpp"
#include "tools/platen/disk_log.hpp"
#include "tools/platen/log_source.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

struct verify_wish {
  std::vector<std::string> witnesses;  // SEQUENCE:HASH, or files with one at the begin of each line
  std::string key;                     // hex, or a file
};

// "SEQUENCE:HASH", as verify prints it.
std::optional<store::head> parse_head(const std::string& text) {
  store::head seen;
  const auto colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto hash = events::digest_from_hex(text.substr(colon + 1));
  const auto [stop, error] = std::from_chars(text.data(), text.data() + colon, seen.sequence);
  if (!hash || error != std::errc{} || stop != text.data() + colon) return std::nullopt;
  seen.hash = *hash;
  return seen;
}

// What platend's `witness` file holds: a head a line, and then who signed it.
result<void> read_witness_file(const std::string& file, std::vector<store::head>& into) {
  std::ifstream in(file);
  if (!in) return fail(exit_code::not_found, "--witness: cannot read " + file);
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto seen = parse_head(line.substr(0, line.find(' ')));
    if (!seen)
      return fail(exit_code::usage, "--witness: " + file + ":" + std::to_string(number) +
                                        ": expected SEQUENCE:HASH, found '" + line + "'");
    into.push_back(*seen);
  }
  return {};
}

result<std::vector<store::head>> read_witnesses(const std::vector<std::string>& given) {
  std::vector<store::head> seen;
  for (const auto& one : given) {
    if (const auto parsed = parse_head(one)) {
      seen.push_back(*parsed);
    } else if (!std::filesystem::exists(one)) {
      return fail(exit_code::usage,
                  "--witness: expected SEQUENCE:HASH as verify prints it, or a "
                  "file of them, found '" +
                      one + "'");
    } else if (const auto read = read_witness_file(one, seen); !read) {
      return tl::unexpected(read.error());
    }
  }
  return seen;
}

result<std::optional<std::string>> read_key(const std::string& given) {
  if (given.empty()) return std::nullopt;
  auto text = given;
  if (std::filesystem::exists(given)) {
    std::ifstream in(given);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  auto key = store::read_public_key(text);
  if (!key) return fail(exit_code::usage, "--key: " + given + ": " + key.error());
  return *std::move(key);
}

void print(const context& ctx, const store::verify_report& report) {
  const auto head =
      std::to_string(report.verified.sequence) + ":" + events::to_hex(report.verified.hash);
  if (!ctx.json)
    return print_fields(
        {{"events", std::to_string(report.events)},
         {"streams", std::to_string(report.streams)},
         {"withheld", std::to_string(report.withheld)},
         {"checkpoints", std::to_string(report.checkpoints) + ", covering events to " +
                             std::to_string(report.covered)},
         {"head", head},
         {"chain", report.ok() ? "unbroken" : "BROKEN"}});
  json out{{"ok", report.ok()},           {"first", report.first},
           {"events", report.events},     {"streams", report.streams},
           {"withheld", report.withheld}, {"checkpoints", report.checkpoints},
           {"covered", report.covered},   {"head", head}};
  if (report.first_bad)
    out["first_bad"] = {{"sequence", report.first_bad->sequence},
                        {"reason", report.first_bad->message}};
  print_json(out);
}

result<void> verify(const context& ctx, const verify_wish& wish) {
  const auto witnesses = read_witnesses(wish.witnesses);
  if (!witnesses) return tl::unexpected(witnesses.error());
  const auto key = read_key(wish.key);
  if (!key) return tl::unexpected(key.error());
  const auto log = open_log(ctx);
  if (!log) return tl::unexpected(log.error());
  const auto report = store::verify(**log, {*witnesses, *key});
  print(ctx, report);
  if (!report.ok()) return tl::unexpected(as_failure(*report.first_bad));
  return {};
}

}  // namespace

void add_verify_command(CLI::App& app, context& ctx) {
  auto* command =
      app.add_subcommand("verify", "Walk the hash chain and the checkpoints of the log");
  const auto wish = std::make_shared<verify_wish>();
  command->add_option("--witness", wish->witnesses,
                      "SEQUENCE:HASH noted earlier, or platend's witness file: the log must still "
                      "contain them; may be repeated");
  command->add_option("--key", wish->key,
                      "Public key, or a file with it: all checkpoints must be signed with it");
  on_chosen(command, ctx, [&ctx, wish] { return verify(ctx, *wish); });
}

}  // namespace platen::cli
