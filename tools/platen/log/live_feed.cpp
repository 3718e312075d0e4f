#include "tools/platen/log/live_feed.hpp"

#include <algorithm>

#include "events/codec.hpp"
#include "tools/platen/disk_log.hpp"
#include "tools/platen/remote_log.hpp"

namespace platen::cli {
namespace {

constexpr int most_tries = 20;
constexpr std::chrono::milliseconds first_wait{250};
constexpr std::chrono::milliseconds longest_wait{5000};

// A daemon that is away or has too much to do may be back; one that refuses will go on refusing.
bool may_pass(const failure& why) {
  return why.code == exit_code::unreachable || why.code == exit_code::failed;
}

}  // namespace

std::optional<std::chrono::milliseconds> retry_schedule::next() {
  if (tries_ == most_tries) return std::nullopt;
  return std::min(first_wait * (1 << std::min(tries_++, 10)), longest_wait);
}

live_feed::live_feed(client api, announcer announce, pause wait)
    : api_(std::move(api)), announce_(std::move(announce)), wait_(std::move(wait)) {}

result<std::uint64_t> live_feed::newest() {
  std::uint64_t newest = 0;
  const auto read = api_.lines("/v1/events", {{"after", "-1"}}, [&](const std::string& line) {
    const auto event = json::parse(line, nullptr, false);
    if (event.is_object()) newest = event.value("sequence", std::uint64_t{0});
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return newest;
}

result<events::envelope> live_feed::checked(const std::string& line) {
  const auto record = record_in_line(line);
  if (!record) return tl::unexpected(as_failure(record.error()));
  if (!chain_) {
    // The chain is followed from the first event that is read; that one is checked in itself.
    const auto first = events::decode_header(*record);
    if (!first) return fail(exit_code::log_broken, "the event log is broken: " + first.error());
    chain_.emplace(store::head{first->sequence - 1, first->previous_hash});
  }
  auto event = chain_->next(chain_->last().sequence + 1, *record);
  if (!event) return tl::unexpected(as_failure(event.error()));
  return *std::move(event);
}

// True: the visitor has seen enough. False: the daemon ended its answer.
result<bool> live_feed::read_once(bool follow, const visitor& visit) {
  query parameters{{"after", std::to_string(after_)}, {"records", "true"}};
  if (follow) parameters.emplace("follow", "true");
  std::optional<failure> broken;
  bool enough = false;
  const auto each = [&](const std::string& line) {
    const auto event = checked(line);
    if (!event) {
      broken = event.error();
      return false;
    }
    after_ = event->sequence;
    schedule_.succeeded();
    enough = !visit(*event);
    return !enough;
  };
  const auto opened = [&] {
    connected_before_ = true;
    if (std::exchange(lost_, false))
      announce_("connected again; going on after sequence " + std::to_string(after_));
  };
  const auto read = api_.lines("/v1/events", parameters, each, opened);
  if (broken) return tl::unexpected(*broken);
  if (!read && !enough) return tl::unexpected(read.error());
  return enough;
}

result<void> live_feed::read(std::uint64_t after, bool follow, const visitor& visit) {
  after_ = after;
  while (true) {
    const auto read = read_once(follow, visit);
    if (read && (*read || !follow)) return {};
    if (!read && (!follow || !connected_before_ || !may_pass(read.error())))
      return tl::unexpected(read.error());
    const auto wait = schedule_.next();
    if (!wait)
      return tl::unexpected(read ? failure{exit_code::unreachable, "the daemon keeps hanging up"}
                                 : read.error());
    if (!std::exchange(lost_, true)) announce_("lost the daemon; trying again");
    wait_(*wait);
  }
}

}  // namespace platen::cli
