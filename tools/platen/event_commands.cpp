// platen events
#include <iostream>
#include <memory>

#include "events/json.hpp"
#include "tools/platen/commands.hpp"
#include "tools/platen/disk_log.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

struct events_wish {
  std::string stream;
  std::int64_t after = 0;   // negative: counted from the end
  std::uint64_t limit = 0;  // 0: all
  bool follow = false;
};

// The scalars of an event's data, "name=web attempt=1 ...", without the long texts.
std::string brief(const json& data) {
  std::string out;
  for (const auto& [name, value] : data.items()) {
    if (name == "console_tail" || !value.is_primitive()) continue;
    out += (out.empty() ? "" : " ") + name + "=" +
           (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return out;
}

// One event a line; widths are fixed, because a stream has no end to measure.
std::string human_line(const json& event) {
  auto sequence = text_of(event, "sequence");
  sequence.insert(0, sequence.size() < 6 ? 6 - sequence.size() : 0, ' ');
  auto type = text_of(event, "type");
  type.resize(std::max<std::size_t>(type.size(), 22), ' ');
  return sequence + "  " + text_of(event, "time") + "  " + text_of(event, "stream") + " v" +
         text_of(event, "version") + "  " + type + "  " + text_of(event, "origin") + "  " +
         brief(event.value("data", json::object()));
}

void print_event(const context& ctx, const std::string& line) {
  if (ctx.json) {
    std::cout << line << '\n';
  } else {
    const auto event = json::parse(line, nullptr, false);
    std::cout << printable(event.is_object() ? human_line(event) : line) << '\n';
  }
  std::cout.flush();
}

// ---- through the daemon ------------------------------------------------------------------------

// "template/web" may be written for "template/<uuid>".
result<std::string> stream_by_name(client& api, const std::string& stream) {
  for (const auto* kind : {&templates(), &instances()}) {
    const auto prefix = kind->noun + "/";
    if (stream.rfind(prefix, 0) != 0 || is_uuid(stream.substr(prefix.size()))) continue;
    const auto found = fetch_one(api, *kind, stream.substr(prefix.size()));
    if (!found) return tl::unexpected(found.error());
    return prefix + text_of(*found, "uuid");
  }
  return stream;
}

// The daemon ends a stream it cannot read on with {"error": {"message": ..., "sequence": ...}}.
std::optional<failure> stream_error(const std::string& line) {
  if (line.rfind(R"({"error":)", 0) != 0) return std::nullopt;
  const auto error = json::parse(line, nullptr, false).value("error", json::object());
  const auto where = error.contains("sequence") ? " at sequence " + error["sequence"].dump() : "";
  return failure{exit_code::log_broken,
                 "the event log is broken" + where + ": " + text_of(error, "message")};
}

result<void> from_daemon(const context& ctx, const events_wish& wish) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  query parameters{{"after", std::to_string(wish.after)}};
  if (wish.limit != 0) parameters.emplace("limit", std::to_string(wish.limit));
  if (wish.follow) parameters.emplace("follow", "true");
  if (!wish.stream.empty()) {
    const auto stream = stream_by_name(*api, wish.stream);
    if (!stream) return tl::unexpected(stream.error());
    parameters.emplace("stream", *stream);
  }
  std::optional<failure> broken;
  const auto read = api->lines("/v1/events", parameters, [&](const std::string& line) {
    broken = stream_error(line);
    if (!broken) print_event(ctx, line);
    return !broken && std::cout.good();
  });
  if (broken) return tl::unexpected(*broken);
  return read;
}

// ---- from disk ---------------------------------------------------------------------------------

std::uint64_t sequence_after(std::int64_t given, std::uint64_t newest) {
  if (given >= 0) return static_cast<std::uint64_t>(given);
  const auto wanted = static_cast<std::uint64_t>(-given);
  return newest > wanted ? newest - wanted : 0;
}

result<void> from_disk(const context& ctx, const events_wish& wish) {
  if (wish.follow)
    return fail(exit_code::usage, "--follow needs a running daemon; leave --data out");
  const auto log = open_disk_log(ctx.data);
  if (!log) return tl::unexpected(log.error());
  const auto after = sequence_after(wish.after, (*log)->newest().sequence);
  std::uint64_t shown = 0;
  const auto visit = [&](const events::envelope& event) {
    if (event.sequence <= after) return true;
    print_event(ctx, events::to_json(event));
    return ++shown != wish.limit && std::cout.good();
  };
  const auto read = wish.stream.empty() ? (*log)->read_all(after, visit)
                                        : (*log)->read_stream(wish.stream, 0, visit);
  if (!read) return tl::unexpected(as_failure(read.error()));
  return {};
}

}  // namespace

void add_event_commands(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand(
      "events", "Print the event log: the daemon's, or with --data the one on disk");
  const auto wish = std::make_shared<events_wish>();
  command->add_option("--stream", wish->stream,
                      "Only this stream: template/NAME, instance/UUID, ...");
  command->add_option("--after", wish->after,
                      "Only events after this sequence; -20: the newest 20");
  command->add_option("--limit", wish->limit, "At most so many events");
  command->add_flag("--follow", wish->follow, "Go on with new events as they happen");
  on_chosen(command, ctx, [&ctx, wish] {
    return ctx.data.empty() ? from_daemon(ctx, *wish) : from_disk(ctx, *wish);
  });
}

}  // namespace platen::cli
