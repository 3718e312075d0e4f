// Tells a part of a log in words: one step an event, with how long the stage took that it ended.
// Pure: events in, sentences out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/replay.hpp"
#include "tools/platen/log/subject.hpp"

namespace platen::cli {

struct told_step {
  std::uint64_t sequence = 0;
  std::int64_t time_us = 0;
  std::string stream;
  std::string who;   // "template web", "instance one", "the daemon", ...
  std::string type;  // of the event
  std::string text;  // what happened to `who`, without a full stop
  std::optional<std::int64_t> took_us;
  std::string console_tail;  // what the guest printed last, as it was
  std::string origin;
  std::string principal;
  std::string request_id;
};

// What a sentence needs to know beside its event.
struct scene {
  const events::envelope& event;
  const actors::world& before;  // the event not yet folded in
  const name_book& names;
};

class narrator {
 public:
  explicit narrator(subject about) : about_(std::move(about)) {}

  // All events of the log in order, also those that do not belong to the story.
  void note(const events::envelope& event);

  const std::vector<told_step>& steps() const { return steps_; }

  // One sentence: how things stand after the last event.
  std::string present_state() const;

 private:
  bool concerns(const events::envelope& event) const;
  bool concerns_template(const events::envelope& event, const std::string& uuid) const;
  bool concerns_instance(const events::envelope& event, const std::string& uuid) const;
  bool at_stake(const std::string& stream) const;
  told_step told(const events::envelope& event);
  void remember(const events::envelope& event);
  bool is_restart(const events::envelope& event) const;
  void keep_restart(told_step step);
  std::string waiters_text(const std::string& uuid, std::int64_t now_us) const;
  std::string state_of(const std::string& stream) const;

  subject about_;
  actors::world world_;
  name_book names_;
  std::vector<told_step> steps_;
  std::vector<told_step> restarts_;  // told only if the story goes on after them
  std::set<std::string> touched_;    // streams in the story
  // Template uuid → instance uuid → since when it waits.
  std::map<std::string, std::map<std::string, std::int64_t>> waiting_;
  std::map<std::string, std::int64_t> preparing_since_;                 // by template uuid
  std::map<std::pair<std::string, std::string>, std::int64_t> grants_;  // template, instance
  std::map<std::string, std::int64_t> requests_since_;                  // by stream
  bool daemon_is_up_ = false;
};

}  // namespace platen::cli
