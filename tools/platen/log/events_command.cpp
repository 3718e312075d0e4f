// platen events: shows the log, or the part of it that a filter lets through.
#include <iostream>
#include <memory>
#include <thread>

#include "events/json.hpp"
#include "tools/platen/commands.hpp"
#include "tools/platen/disk_log.hpp"
#include "tools/platen/log/event_line.hpp"
#include "tools/platen/log/filter_options.hpp"
#include "tools/platen/log/live_feed.hpp"
#include "tools/platen/log_source.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

// How many events before the first one shown are read for the names and durations of those shown.
constexpr std::uint64_t context_events = 4096;

struct events_wish {
  filter_wish which;
  std::uint64_t limit = 0;  // 0: all
  bool follow = false;
};

// Prints what passes the filter; sees all events, because durations need those that do not pass.
class printer {
 public:
  printer(const context& ctx, const events_wish& wish, events::filter filter, name_book names)
      : json_(ctx.json),
        limit_(wish.limit),
        filter_(std::move(filter)),
        names_(std::move(names)),
        width_(terminal_width()) {}

  // False: nothing more will be printed.
  bool show(const events::envelope& event) {
    if (filter_.up_to && event.sequence > *filter_.up_to) return false;
    names_.note(event);
    const auto times = clock_.next(event);
    if (passes(filter_, event)) print(event, times);
    const bool last = filter_.up_to && event.sequence == *filter_.up_to;
    return !last && (limit_ == 0 || shown_ < limit_) && std::cout.good();
  }

 private:
  void print(const events::envelope& event, const event_times& times) {
    if (json_) {
      std::cout << events::to_json(event) << std::endl;
    } else {
      if (shown_ == 0) std::cout << fitted(event_heading(), width_) << '\n';
      if (const auto day = clock_text(event.time_us).substr(0, 10); day != day_)
        std::cout << (day_ = day) << " (UTC)\n";
      std::cout << fitted(printable(event_line(event, times, names_)), width_) << std::endl;
    }
    ++shown_;
  }

  bool json_;
  std::uint64_t limit_;
  events::filter filter_;
  name_book names_;
  std::size_t width_;
  step_clock clock_;
  std::string day_;  // of the event printed last
  std::uint64_t shown_ = 0;
};

std::uint64_t context_before(std::uint64_t after) {
  return after > context_events ? after - context_events : 0;
}

// ---- from a log that does not grow
// ---------------------------------------------------------------

result<void> from_log(const context& ctx, const events_wish& wish) {
  if (wish.follow)
    return fail(exit_code::usage, "--follow needs a running daemon; leave --data out");
  const auto log = open_log(ctx);
  if (!log) return tl::unexpected(log.error());
  name_book names;
  if (needs_names(wish.which)) {
    const auto read = (*log)->read_all(0, [&](const events::envelope& event) {
      names.note(event);
      return true;
    });
    if (!read) return tl::unexpected(as_failure(read.error()));
  }
  auto filter = to_filter(wish.which, names, (*log)->newest().sequence, clock_now_us());
  if (!filter) return tl::unexpected(filter.error());
  const auto after = context_before(filter->after);
  printer out(ctx, wish, *std::move(filter), std::move(names));
  const auto read =
      (*log)->read_all(after, [&](const events::envelope& event) { return out.show(event); });
  if (!read) return tl::unexpected(as_failure(read.error()));
  return {};
}

// ---- through the daemon ------------------------------------------------------------------------

live_feed make_feed(client api) {
  return live_feed(
      std::move(api), [](const std::string& text) { std::cerr << "platen: " << text << std::endl; },
      [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); });
}

result<name_book> living_names(client& api) {
  name_book names;
  for (const auto* kind : {&templates(), &instances()}) {
    const auto all = fetch_all(api, *kind);
    if (!all) return tl::unexpected(all.error());
    for (const auto& item : *all)
      names.add({kind->noun, item.value("uuid", std::string()), item.value("name", std::string())});
  }
  return names;
}

// The daemon knows the living; only the log remembers the others.
result<events::filter> filter_by(const context& ctx, const events_wish& wish, live_feed& feed,
                                 name_book& names) {
  const auto newest = feed.newest();
  if (!newest) return tl::unexpected(newest.error());
  auto filter = to_filter(wish.which, names, *newest, clock_now_us());
  if (filter || filter.error().code != exit_code::not_found) return filter;
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  auto history = make_feed(*std::move(api));
  const auto read = history.read(0, false, [&](const events::envelope& event) {
    names.note(event);
    return event.sequence < *newest;
  });
  if (!read) return tl::unexpected(read.error());
  return to_filter(wish.which, names, *newest, clock_now_us());
}

result<void> from_daemon(const context& ctx, const events_wish& wish) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  auto names = living_names(*api);
  if (!names) return tl::unexpected(names.error());
  auto feed = make_feed(*std::move(api));
  auto filter = filter_by(ctx, wish, feed, *names);
  if (!filter) return tl::unexpected(filter.error());
  const auto after = context_before(filter->after);
  printer out(ctx, wish, *std::move(filter), *std::move(names));
  return feed.read(after, wish.follow,
                   [&](const events::envelope& event) { return out.show(event); });
}

}  // namespace

void add_event_commands(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand(
      "events", "Print the event log: the daemon's, or with --data the one on disk");
  const auto wish = std::make_shared<events_wish>();
  add_filter_options(*command, wish->which);
  command->add_option("--limit", wish->limit, "At most so many events");
  command->add_flag("--follow", wish->follow,
                    "Go on with new events as they happen, also after the daemon was restarted");
  on_chosen(command, ctx, [&ctx, wish] {
    return reads_daemon(ctx) ? from_daemon(ctx, *wish) : from_log(ctx, *wish);
  });
}

}  // namespace platen::cli
