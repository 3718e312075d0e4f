// platen export: events of a log into a segment file.
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "store/segment/segment_writer.hpp"
#include "tools/common/version.hpp"
#include "tools/platen/archive/redaction.hpp"
#include "tools/platen/commands.hpp"
#include "tools/platen/disk_log.hpp"
#include "tools/platen/log_source.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

struct export_wish {
  std::string file;
  std::uint64_t from = 1;
  std::uint64_t to = 0;  // 0: the newest
  events::filter wanted;
  std::vector<std::string> rules;
};

// Writes what it is shown; the file is there only after seal().
class exporter {
 public:
  exporter(const export_wish& wish, redaction rules) : wish_(wish), rules_(std::move(rules)) {}

  // False at the end of what is wanted, or after a failure.
  bool add(const events::envelope& event, std::string_view record) {
    if (wish_.to != 0 && event.sequence > wish_.to) return false;
    auto added = writer_ ? store::result<void>() : begin(event);
    if (added) added = writer_->add(event, record, rules_.withholds(event));
    if (!added) failed_ = as_failure(added.error());
    last_ = event.sequence;
    return !failed_ && last_ != wish_.to;
  }

  result<store::segment_info> seal() {
    if (failed_) return tl::unexpected(*failed_);
    if (auto right = check(); !right) return tl::unexpected(right.error());
    auto sealed = writer_->seal();
    if (!sealed) return tl::unexpected(as_failure(sealed.error()));
    return *std::move(sealed);
  }

  const redaction& rules() const { return rules_; }

 private:
  store::result<void> begin(const events::envelope& first) {
    store::segment_info about;
    about.first = first_ = first.sequence;
    about.hash_before = first.previous_hash;
    about.made_us = std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
    about.made_by = std::string("platen ") + tools::version;
    about.rules = rules_.in_words();
    auto made = store::segment_writer::create(wish_.file, about);
    if (!made) return tl::unexpected(made.error());
    writer_.emplace(*std::move(made));
    return {};
  }

  // That the file has what was asked for, and not by mistake what was to be withheld.
  result<void> check() const {
    if (!writer_)
      return fail(exit_code::not_found, "the log has no event from " + std::to_string(wish_.from) +
                                            " on; nothing was written");
    if (wish_.from > 1 && first_ != wish_.from)
      return fail(exit_code::not_found, "the log begins with event " + std::to_string(first_) +
                                            ", --from asks for " + std::to_string(wish_.from));
    if (wish_.to != 0 && last_ != wish_.to)
      return fail(exit_code::not_found, "the log ends with event " + std::to_string(last_) +
                                            ", --to asks for " + std::to_string(wish_.to));
    if (rules_.passed() == 0)
      return fail(exit_code::not_found,
                  "no event meets " + rules_.in_words() + "; nothing was written");
    for (const auto& rule : rules_.unmet())
      if (rule.starts_with("type=") && !events::is_known_type(rule.substr(5)))
        return fail(exit_code::usage,
                    "--redact " + rule + ": there is no such type of event; nothing was written");
    return {};
  }

  const export_wish& wish_;
  redaction rules_;
  std::optional<store::segment_writer> writer_;
  std::optional<failure> failed_;
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;
};

void print(const context& ctx, const std::string& file, const store::segment_info& made) {
  const auto head = std::to_string(made.last) + ":" + events::to_hex(made.hash);
  const auto sha256 = events::to_hex(made.file_sha256);
  if (ctx.json)
    print_json({{"file", file},
                {"first", made.first},
                {"last", made.last},
                {"events", made.events()},
                {"withheld", made.withheld},
                {"head", head},
                {"bytes", made.file_bytes},
                {"sha256", sha256}});
  else
    print_fields({{"file", file},
                  {"events", std::to_string(made.first) + " to " + std::to_string(made.last)},
                  {"withheld", std::to_string(made.withheld)},
                  {"head", head},
                  {"size", human_bytes(made.file_bytes)},
                  {"sha256", sha256}});
}

result<void> export_log(const context& ctx, const export_wish& wish) {
  if (wish.to != 0 && wish.to < wish.from)
    return fail(exit_code::usage, "--to: must not be less than --from");
  auto rules = redaction::parse(wish.wanted, wish.rules);
  if (!rules) return tl::unexpected(rules.error());
  if (std::filesystem::exists(wish.file))
    return fail(exit_code::failed, wish.file + " exists already; choose another name");
  const auto log = open_log(ctx);
  if (!log) return tl::unexpected(log.error());
  // Events name people and hold the environment of their VMs; who else may read them is for the
  // user to say.
  umask(S_IRWXG | S_IRWXO);
  exporter into(wish, *std::move(rules));
  const auto read = (*log)->read_records(
      wish.from - 1,
      [&](const auto& event, std::string_view record) { return into.add(event, record); });
  if (!read) return tl::unexpected(as_failure(read.error()));
  const auto made = into.seal();
  if (!made) return tl::unexpected(made.error());
  print(ctx, wish.file, *made);
  for (const auto& rule : into.rules().unmet())
    std::cerr << "platen: --redact " << rule << " met no event\n";
  return {};
}

}  // namespace

void add_export_command(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand(
      "export", "Write the log into a file that can be verified, replayed and imported");
  const auto wish = std::make_shared<export_wish>();
  command->add_option("file", wish->file, "The segment to write, NAME.plseg")->required();
  command->add_option("--from", wish->from, "Begin with this sequence; default: the first")
      ->check(CLI::PositiveNumber);
  command->add_option("--to", wish->to, "End with this sequence; default: the newest")
      ->check(CLI::PositiveNumber);
  // One value each, so that the file may follow them.
  const auto repeated = [&](const char* name, std::vector<std::string>& into, const char* help) {
    command->add_option(name, into, std::string(help) + "; may be repeated")
        ->allow_extra_args(false);
  };
  repeated("--stream", wish->wanted.streams,
           "Withhold the content of events of other streams; instance/* is all of a kind");
  repeated("--type", wish->wanted.types, "Withhold the content of events of other types");
  repeated("--redact", wish->rules,
           "Withhold the content of events with type=NAME, stream=NAME or principal=NAME");
  on_chosen(command, ctx, [&ctx, wish] { return export_log(ctx, *wish); });
}

}  // namespace platen::cli
