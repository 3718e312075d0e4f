#include "tools/platen/log/filter_options.hpp"

#include <algorithm>
#include <chrono>

#include "events/time.hpp"
#include "tools/common/nearest.hpp"

namespace platen::cli {
namespace {

failure no_such(const std::string& option, const std::string& word,
                const std::vector<std::string>& known) {
  const auto near = tools::nearest(word, known);
  auto message = option + ": there is no '" + word + "'";
  if (near) return {exit_code::usage, message + "; did you mean '" + *near + "'?"};
  message += "; there are ";
  for (const auto& one : known)
    message += (&one == &known.front() ? "" : ", ") + one;
  return {exit_code::usage, std::move(message)};
}

result<std::vector<events::origin>> origins_of(const std::vector<std::string>& words) {
  std::vector<events::origin> out;
  for (const auto& word : words) {
    const auto known = events::origin_from_string(word);
    if (!known) return tl::unexpected(no_such("--origin", word, event_origins()));
    out.push_back(*known);
  }
  return out;
}

result<std::optional<std::int64_t>> time_of(const char* option, const std::string& text,
                                            std::int64_t now_us) {
  if (text.empty()) return std::nullopt;
  const auto time = events::parse_time(text, now_us);
  if (!time) return fail(exit_code::usage, std::string(option) + ": " + time.error());
  return *time;
}

std::uint64_t sequence_after(std::int64_t given, std::uint64_t newest) {
  if (given >= 0) return static_cast<std::uint64_t>(given);
  const auto wanted = ~static_cast<std::uint64_t>(given) + 1;
  return newest > wanted ? newest - wanted : 0;
}

}  // namespace

const std::vector<std::string>& event_types() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (std::size_t i = 1; i <= static_cast<std::size_t>(events::wire::Payload::MAX); ++i)
      out.emplace_back(events::wire::EnumNamesPayload()[i]);
    return out;
  }();
  return names;
}

const std::vector<std::string>& event_origins() {
  static const std::vector<std::string> names = [] {
    using events::origin;
    std::vector<std::string> out;
    for (const auto one : {origin::api, origin::guest, origin::timer, origin::gateway,
                           origin::reconcile, origin::system})
      out.emplace_back(events::to_string(one));
    return out;
  }();
  return names;
}

void add_filter_options(CLI::App& command, filter_wish& wish) {
  command.add_option("--stream", wish.streams,
                     "Only this stream: template/NAME, instance/UUID, 'template/*', "
                     "system/platend; may be repeated, as all of these");
  command.add_option("--type", wish.types, "Only events of this type, such as PreparationFailed");
  command.add_option("--principal", wish.principals, "Only what this principal caused");
  command.add_option("--origin", wish.origins,
                     "Only events of this origin: api, guest, timer, gateway, reconcile, system");
  command.add_option("--request-id", wish.request_ids, "Only what this request caused");
  command.add_option("--since", wish.since,
                     "Only events at or after this time: RFC 3339, a date, or an age such as 15m");
  command.add_option("--until", wish.until, "Only events before this time");
  command.add_option("--after", wish.after, "Only events after this sequence; -20: the newest 20");
  command.add_option("--up-to", wish.up_to, "Only events up to this sequence");
  for (const char* repeatable : {"--stream", "--type", "--principal", "--origin", "--request-id"})
    command.get_option(repeatable)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

bool needs_names(const filter_wish& wish) {
  return std::any_of(wish.streams.begin(), wish.streams.end(), [](const std::string& stream) {
    return stream.starts_with("template/") || stream.starts_with("instance/");
  });
}

result<events::filter> to_filter(const filter_wish& wish, const name_book& names,
                                 std::uint64_t newest, std::int64_t now_us) {
  events::filter out;
  for (const auto& text : wish.streams) {
    const auto meant = streams_meant(names, text);
    if (!meant) return tl::unexpected(meant.error());
    out.streams.insert(out.streams.end(), meant->begin(), meant->end());
  }
  for (const auto& type : wish.types)
    if (std::find(event_types().begin(), event_types().end(), type) == event_types().end())
      return tl::unexpected(no_such("--type", type, event_types()));
  out.types = wish.types;
  out.principals = wish.principals;
  out.request_ids = wish.request_ids;
  const auto origins = origins_of(wish.origins);
  if (!origins) return tl::unexpected(origins.error());
  out.origins = *origins;
  const auto since = time_of("--since", wish.since, now_us);
  if (!since) return tl::unexpected(since.error());
  out.since_us = *since;
  const auto until = time_of("--until", wish.until, now_us);
  if (!until) return tl::unexpected(until.error());
  out.until_us = *until;
  out.after = sequence_after(wish.after, newest);
  out.up_to = wish.up_to;
  return out;
}

std::int64_t clock_now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace platen::cli
