#include "tools/platen/progress.hpp"

#include <unistd.h>

#include <iostream>
#include <utility>

#include "tools/platen/entity.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

using namespace std::chrono_literals;

// Asked before the request that is waited for, so that none of its events is missed.
std::uint64_t newest_sequence(client& api) {
  std::uint64_t newest = 0;
  [[maybe_unused]] const auto read =
      api.lines("/v1/events", {{"after", "-1"}}, [&](const std::string& line) {
        const auto event = json::parse(line, nullptr, false);
        if (event.is_object()) newest = event.value("sequence", std::uint64_t{0});
        return true;
      });
  return newest;
}

// How far the template has come before any event of ours; fills in its stream.
std::string present_stage(client& api, watched& what) {
  if (what.template_name.empty()) return "";
  const auto found = fetch_one(api, templates(), what.template_name);
  if (!found) return "";
  what.template_stream = "template/" + text_of(*found, "uuid");
  return "template '" + what.template_name + "': " + text_of(*found, "lifecycle") + " for " +
         age_of(text_of(*found, "lifecycle_since"));
}

}  // namespace

std::unique_ptr<progress> progress::follow(const endpoint& where, watched what) {
  auto asking = client::connect(where);
  auto following = client::connect(where);
  if (!asking || !following) return nullptr;
  const auto after = newest_sequence(*asking);
  auto stage = present_stage(*asking, what);
  return std::make_unique<progress>(*std::move(following), after, std::move(what),
                                    std::move(stage));
}

progress::progress(client events, std::uint64_t after, watched what, std::string stage)
    : live_(isatty(STDERR_FILENO) == 1),
      events_(std::move(events)),
      tracker_(std::move(what)),
      stage_(std::move(stage)) {
  if (!stage_.empty()) draw(true);
  reader_ = std::thread([this, after] { read_events(after); });
  if (live_) clock_ = std::thread([this] { redraw_every_second(); });
}

progress::~progress() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  ended_.notify_all();
  events_.stop();
  reader_.join();
  if (clock_.joinable()) clock_.join();
  if (live_ && !stage_.empty()) std::cerr << "\r\033[K" << std::flush;
}

void progress::read_events(std::uint64_t after) {
  const query parameters{{"after", std::to_string(after)}, {"follow", "true"}};
  // A broken stream is no fault of the command that waits: its own request tells what matters.
  [[maybe_unused]] const auto ended =
      events_.lines("/v1/events", parameters, [this](const std::string& line) {
        const auto event = json::parse(line, nullptr, false);
        const std::lock_guard lock(mutex_);
        if (event.is_object() && tracker_.feed(event)) {
          stage_ = tracker_.stage();
          draw(true);
        }
        return !over_;
      });
}

void progress::redraw_every_second() {
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, 1s, [this] { return over_; }))
    draw(false);
}

void progress::draw(bool changed) {
  if (stage_.empty()) return;
  const auto elapsed =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin_);
  const auto line = human_seconds(elapsed.count()) + "  " + printable(stage_);
  if (live_)
    std::cerr << "\r\033[K" << line << std::flush;
  else if (changed)
    std::cerr << line << '\n';
}

}  // namespace platen::cli
