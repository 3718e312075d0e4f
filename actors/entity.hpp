// The CAF shell of an event-sourced entity, the same for every kind.
//
// A command is decided on, its events are appended, and only when they are durable the state
// evolves, is published, the asker is answered and react() brings the world towards it. One command
// is under way at a time; the others wait in order. Rules live in decide(), never here.
#pragma once

#include <algorithm>
#include <caf/all.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "actors/outcome.hpp"
#include "actors/runtime.hpp"

namespace platen::actors {

// A command on its way to an entity. `done` is called exactly once and must not block.
template <class State, class Command>
struct ask {
  using state = State;
  Command what;
  events::cause why;
  std::function<void(tl::expected<std::shared_ptr<const State>, rejection>)> done;
};

// The log's answer, on its way back to the entity that appended.
struct append_done {
  store::result<store::appended> result;
};

struct timer_has_run {
  std::uint64_t number = 0;
};

template <class State, class Command>
class entity : public caf::event_based_actor {
 public:
  using state_ptr = std::shared_ptr<const State>;
  using question = ask<State, Command>;

  // `stream_of` names the stream of an id. The initial state is shared with whoever published it.
  entity(caf::actor_config& config, const runtime& env,
         std::string (*stream_of)(const std::string&), state_ptr initial)
      : caf::event_based_actor(config), env_(env), stream_of_(stream_of), now_(std::move(initial)) {
    set_exception_handler([this](std::exception_ptr& raised) {
      env_.on_fatal("actor " + stream() + " failed: " + describe(raised));
      return caf::make_error(caf::exit_reason::unhandled_exception);
    });
  }

  void on_exit() override {
    const auto ended = tl::make_unexpected(
        rejection{rejection::kind::unavailable, "the daemon is stopping: ask again"});
    if (under_way_) answer(under_way_->asked, ended);
    for (auto& waiting : waiting_)
      answer(waiting, ended);
    under_way_.reset();
    waiting_.clear();
  }

 protected:
  // The confirmed state.
  const State& now() const { return *now_; }
  const state_ptr& now_ptr() const { return now_; }
  const runtime& env() const { return env_; }

  // Has on_wake() called when the wall clock says `at_us`; replaces an earlier wish. Absent: never.
  void wake_at(std::optional<std::int64_t> at_us) {
    if (at_us == wake_at_us_) return;
    wake_at_us_ = at_us;
    ++timer_;
    if (!at_us) return;
    const auto wait = std::max<std::int64_t>(*at_us - env_.now_us(), 0);
    delayed_send(this, std::chrono::microseconds(wait), timer_has_run{timer_});
  }

  // `due_us` has come, even if the wall clock was set back meanwhile.
  virtual void on_wake(std::int64_t due_us) = 0;

  // Called after each command that was carried out, also where it had no events.
  virtual void react(const State& before, const events::cause& why) = 0;

  void submit(question q) {
    if (under_way_) {
      if (waiting_.size() >= env_.max_waiting_commands) {
        answer(q, tl::make_unexpected(rejection{rejection::kind::busy,
                                                "too many requests are waiting for this entity"}));
        return;
      }
      waiting_.push_back(std::move(q));
      return;
    }
    process(std::move(q));
    drain();
  }

  void submit(Command what, events::cause why) {
    submit(question{std::move(what), std::move(why), nullptr});
  }

  // Handlers that every entity's behavior includes.
  auto on_timer() {
    return [this](const timer_has_run& message) {
      if (message.number != timer_) return;
      on_wake(std::exchange(wake_at_us_, std::nullopt).value_or(0));
    };
  }
  auto on_append_done() {
    return [this](const append_done& message) {
      finish(message.result);
      drain();
    };
  }

 private:
  struct decided_command {
    question asked;
    std::vector<events::event> events;  // on their way to the log
    std::int64_t time_us = 0;
  };

  static void answer(question& q, tl::expected<state_ptr, rejection> with) {
    if (auto done = std::exchange(q.done, nullptr)) done(std::move(with));
  }

  static std::string describe(const std::exception_ptr& raised) {
    try {
      std::rethrow_exception(raised);
    } catch (const std::exception& error) {
      return error.what();
    } catch (...) {
      return "unknown exception";
    }
  }

  std::string stream() const { return stream_of_(now_->id); }

  void drain() {
    while (!under_way_ && !waiting_.empty()) {
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      process(std::move(next));
    }
  }

  void process(question q) {
    auto decided = decide(*now_, q.what);
    if (!decided) {
      answer(q, tl::make_unexpected(decided.error()));
      return;
    }
    if (decided->empty()) {
      answer(q, now_);
      react(*now_, q.why);
      return;
    }
    q.why.command = std::visit([](const auto& command) { return command.name; }, q.what);
    under_way_ =
        std::make_unique<decided_command>(std::move(q), *std::move(decided), env_.now_us());
    const auto& [asked, events, time_us] = *under_way_;
    env_.log.append({stream(), now_->version, asked.why, time_us, events},
                    [self = caf::actor_cast<caf::actor>(this)](store::result<store::appended> r) {
                      caf::anon_send(self, append_done{std::move(r)});
                    });
  }

  void finish(const store::result<store::appended>& result) {
    const auto done = std::exchange(under_way_, nullptr);
    if (!result) return refuse(done->asked, result.error());
    const auto before = now_;
    now_ = std::make_shared<const State>(folded(*done));
    publish(now_);
    answer(done->asked, now_);
    react(*before, done->asked.why);
  }

  // Whoever asks can ask again later; a fact about the world that cannot be recorded is lost to the
  // running daemon, so the next one has to find it.
  void refuse(question& q, const store::error& why) {
    // Somebody wished for the id of an entity that is deleted.
    if (why.what == store::error::kind::version_conflict && now_->version == 0 && q.done) {
      const auto message = "'" + stream() + "' existed before and is deleted";
      return answer(q, tl::make_unexpected(rejection{rejection::kind::wrong_state, message}));
    }
    const bool harmless = why.what == store::error::kind::busy && q.done;
    const auto kind = harmless ? rejection::kind::busy : rejection::kind::unavailable;
    answer(q, tl::make_unexpected(rejection{kind, "the event log refused: " + why.message}));
    if (!harmless) env_.on_fatal("append to " + stream() + " failed: " + why.message);
  }

  State folded(decided_command& with) const {
    State next = *now_;
    events::envelope wrapped;
    wrapped.stream = stream();
    wrapped.time_us = with.time_us;
    wrapped.why = with.asked.why;
    for (auto& event : with.events) {
      wrapped.version = next.version + 1;
      wrapped.what = std::move(event);
      next = evolve(std::move(next), wrapped);
    }
    return next;
  }

  virtual void publish(const state_ptr& state) = 0;

  const runtime& env_;
  std::string (*const stream_of_)(const std::string&);
  state_ptr now_;
  // Nearly all entities are idle: what only a busy one needs is elsewhere.
  std::unique_ptr<decided_command> under_way_;
  std::list<question> waiting_;
  std::optional<std::int64_t> wake_at_us_;
  std::uint64_t timer_ = 0;  // the newest timer; older ones are ignored
};

}  // namespace platen::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::append_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(platen::actors::timer_has_run)
