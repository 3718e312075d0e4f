#include "http/routes/waiting.hpp"

#include "http/connection/stream.hpp"
#include "http/view/entity_view.hpp"

namespace platen::http {

using actors::instance::lifecycle;
using actors::instance::state;

wait_deadline deadline_of(const wait_time& wait) {
  if (!wait.bound) return std::nullopt;
  return std::chrono::steady_clock::now() + *wait.bound;
}

answer_or_error<waiting_place> take_waiting_place(api& with) {
  auto place = with.waiting.try_take();
  if (!place)
    return tl::unexpected(request_error{
        503, "too many requests are waiting: try again later, or with 'timeout_s': 0", 1});
  return waiting_place{*std::move(place),
                       with.departed.over(stream::of_this_thread()->descriptor())};
}

bool interrupted(const api& with, const wait_end& end) {
  return with.stopping.raised() || end.left.stop_requested();
}

actors::instance_ptr await_settled(const api& with, const std::string& uuid, const wait_end& end) {
  return with.on.control.wait_instance(uuid, actors::instance::settled, end.deadline, end.left);
}

std::string reason_not_running(const state& value) {
  if (value.phase == lifecycle::deleted) return "the instance was deleted";
  if (value.phase == lifecycle::converted) return "the instance is a template now";
  if (value.phase == lifecycle::suspended) return "the instance is suspended";
  if (value.phase == lifecycle::standby) return "the instance is in standby: a request wakes it";
  if (value.phase == lifecycle::failed && value.last_failure)
    return value.last_failure->stage + ": " + value.last_failure->reason;
  if (value.last_stop && !value.last_stop->reason.empty())
    return "the instance is stopped: " + value.last_stop->reason;
  return "the instance is stopped";
}

void add_started(api& with, item_list& into, const state& latest, std::uint32_t starts_before,
                 const wait_end& end, json_object shown_when_running) {
  const bool ran = latest.phase == lifecycle::running || latest.start_count > starts_before;
  if (ran && actors::instance::settled(latest))
    return into.succeeded(std::move(shown_when_running));
  auto fields = with_state(latest);
  if (!actors::instance::settled(latest)) {
    if (interrupted(with, end)) into.interrupted();
    return into.timed_out(std::move(fields));
  }
  fields["lifecycle"] = to_string(latest.phase);
  if (latest.last_failure) fields["failure"] = failure_json(*latest.last_failure);
  into.failed(std::move(fields), reason_not_running(latest), std::nullopt);
}

}  // namespace platen::http
