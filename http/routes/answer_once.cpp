#include "http/routes/answer_once.hpp"

#include <future>

#include "actors/wall_clock.hpp"
#include "http/routes/commands.hpp"
#include "http/routes/waiting.hpp"

namespace platen::http {
namespace {

using durable = store::result<store::appended>;

durable append(store::event_log& log, store::append_request request) {
  auto promise = std::make_shared<std::promise<durable>>();
  auto outcome = promise->get_future();
  log.append(std::move(request), [promise](durable done) { promise->set_value(std::move(done)); });
  if (outcome.wait_for(command_time) == std::future_status::ready) return outcome.get();
  return tl::unexpected(store::error{store::error::kind::closed, "it did not answer in time"});
}

// What the log knows of a key.
struct known_request {
  std::optional<events::request_began> began;
  std::optional<events::request_answered> answered;
  std::uint64_t sequence = 0;  // of `began`
  events::cause why;           // of `began`
};

store::result<known_request> look_up(const store::event_log& log, const std::string& stream) {
  known_request known;
  const auto read = log.read_stream(stream, 0, [&](const events::envelope& event) {
    if (const auto* began = std::get_if<events::request_began>(&event.what)) {
      known.began = *began;
      known.sequence = event.sequence;
      known.why = event.why;
    } else if (const auto* answered = std::get_if<events::request_answered>(&event.what)) {
      known.answered = *answered;
    }
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return known;
}

std::string difference(const events::request_began& first, const keyed_request& asked) {
  if (first.method != asked.method) return "its method was " + first.method;
  if (first.target != asked.target) return "its target was '" + first.target + "'";
  if (first.body_sha256 != asked.body_sha256) return "its body was another";
  return "";
}

request_error log_failed(const store::error& why) {
  if (why.what == store::error::kind::busy) return {429, "the event log is busy", 1};
  return {503, "the event log refused: " + why.message, 5};
}

// What asks for a repetition must not be what the repetition gets.
bool is_final(int status) {
  return status < 500 && status != 429;
}

class keyed_exchange {
 public:
  keyed_exchange(api& with, const exchange& current, const keyed_request& asked)
      : with_(with), current_(current), asked_(asked), identity_(current.who(), asked.key) {}

  rendered_reply answer(const keyed_handler& serve) {
    while (true) {
      const auto claim = with_.keys.try_claim(identity_.digest());
      const auto known = look_up(with_.on.log, identity_.stream());
      if (!known) return refuse(log_failed(known.error()));
      if (known->began) {
        const auto differs = difference(*known->began, asked_);
        if (!differs.empty())
          return refuse({422,
                         "the Idempotency-Key '" + asked_.key +
                             "' belongs to another request: " + differs + "; use a new key",
                         {}});
      }
      if (known->answered) return replay(*known->answered);
      if (claim) return run(*known, serve);
      if (const auto refused = await_other()) return refuse(*refused);
    }
  }

 private:
  rendered_reply refuse(const request_error& why) const { return current_.render(to_reply(why)); }

  rendered_reply replay(const events::request_answered& answered) const {
    // Nothing is answered without a body, so this is one that did not fit into an event.
    if (answered.body.empty())
      return refuse({410,
                     "the request was carried out and answered " + std::to_string(answered.status) +
                         ", but the answer was too large to be kept: look at its outcome with GET",
                     {}});
    rendered_reply kept{answered.status, answered.body, {}};
    kept.replayed = true;
    return kept;
  }

  // Until the run that is under way has ended: it began earlier and has the same timeout, because
  // the body is the same.
  std::optional<request_error> await_other() const {
    const auto place = take_waiting_place(with_);
    if (!place)
      return request_error{409,
                           "the request with the Idempotency-Key '" + asked_.key +
                               "' is still being carried out, and there is no place to wait for it",
                           1};
    if (with_.keys.await(identity_.digest(), place->client.left())) return std::nullopt;
    return request_error{503, "the daemon is stopping: ask again with the same key", 5};
  }

  rendered_reply run(const known_request& known, const keyed_handler& serve) {
    auto why = current_.cause();
    if (known.began) {
      why.request_id = known.why.request_id;
    } else if (auto begun = begin(why); !begun) {
      return refuse(begun.error());
    }
    auto answered = serve({identity_, known.sequence}, why);
    auto answer = current_.render(answered ? *std::move(answered) : to_reply(answered.error()));
    if (!is_final(answer.status)) return answer;
    if (auto kept = keep(answer, why); !kept) return refuse(kept.error());
    return answer;
  }

  tl::expected<void, request_error> begin(const events::cause& why) const {
    events::request_began began;
    began.key = asked_.key;
    began.method = asked_.method;
    began.target = asked_.target;
    began.body_sha256 = asked_.body_sha256;
    const auto done = append(
        with_.on.log, {identity_.stream(), 0, why, actors::wall_clock_us(), {std::move(began)}});
    if (done) return {};
    if (done.error().what != store::error::kind::version_conflict)
      return tl::unexpected(log_failed(done.error()));
    return tl::unexpected(request_error{
        410,
        "the Idempotency-Key '" + asked_.key + "' was used before and its answer is archived",
        {}});
  }

  tl::expected<void, request_error> keep(const rendered_reply& answer,
                                         const events::cause& why) const {
    events::request_answered answered;
    answered.status = static_cast<std::uint16_t>(answer.status);
    answered.body = answer.body;
    const auto record = [&] {
      return append(with_.on.log,
                    {identity_.stream(), 1, why, actors::wall_clock_us(), {answered}});
    };
    auto done = record();
    if (!done && done.error().what == store::error::kind::too_large) {
      answered.body.clear();
      done = record();
    }
    if (done) return {};
    return tl::unexpected(
        request_error{503,
                      "the request was carried out, but its answer could not be kept (" +
                          done.error().message + "): ask again with the same key",
                      1});
  }

  api& with_;
  const exchange& current_;
  const keyed_request& asked_;
  const request_identity identity_;
};

}  // namespace

rendered_reply answer_once(api& with, const exchange& current, const keyed_request& asked,
                           const keyed_handler& serve) {
  return keyed_exchange(with, current, asked).answer(serve);
}

}  // namespace platen::http
