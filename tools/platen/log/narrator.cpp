#include "tools/platen/log/narrator.hpp"

#include <algorithm>

#include "tools/platen/log/event_line.hpp"
#include "tools/platen/log/words.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

namespace tpl = actors::vm_template;
namespace ins = actors::instance;

constexpr std::size_t most_restarts_kept = 16;
constexpr std::size_t most_named = 5;

std::string kind_of(const std::string& stream) {
  return stream.substr(0, stream.find('/'));
}

std::string id_of(const std::string& stream) {
  return stream.substr(stream.find('/') + 1);
}

template <class Entities>
auto* find_in(Entities& entities, const std::string& uuid) {
  const auto found = entities.find(uuid);
  return found == entities.end() ? nullptr : &found->second;
}

std::string teller(const name_book& names, const std::string& stream) {
  const auto kind = kind_of(stream);
  if (kind == "system") return "the daemon";
  if (kind == "request") return "the request";
  return spoken(names, stream);
}

// An event without any bytes was withheld when the log was exported.
const char* unknown_because(const events::event& what) {
  const auto* unknown = std::get_if<events::unknown_event>(&what);
  return unknown != nullptr && unknown->bytes.empty() ? ", the rest of which is withheld here"
                                                      : ", which this version does not know";
}

template <class Map, class Key>
std::optional<std::int64_t> moment(const Map& moments, const Key& key) {
  const auto found = moments.find(key);
  if (found == moments.end()) return std::nullopt;
  return found->second;
}

// The template an event is about: its own, or the one its instance waits for.
std::string template_of(const actors::world& world, const events::envelope& event) {
  if (kind_of(event.stream) == "template") return id_of(event.stream);
  const auto* instance = find_in(world.instances, id_of(event.stream));
  return instance == nullptr ? "" : instance->template_id;
}

}  // namespace

// ---- what belongs to the story -----------------------------------------------------------------

bool narrator::is_restart(const events::envelope& event) const {
  return std::holds_alternative<events::daemon_started>(event.what) ||
         std::holds_alternative<events::daemon_stopped>(event.what);
}

bool narrator::concerns(const events::envelope& event) const {
  if (about_.is_request()) return event.why.request_id == about_.request_id;
  if (event.stream == about_.stream) return true;
  const auto uuid = id_of(about_.stream);
  if (const auto* adopted = std::get_if<events::vm_adopted>(&event.what))
    return adopted->id == uuid;
  if (const auto* leftover = std::get_if<events::leftover_removed>(&event.what))
    return leftover->id.starts_with(uuid);
  return kind_of(about_.stream) == "template" ? concerns_template(event, uuid)
                                              : concerns_instance(event, uuid);
}

// Instances that ask for a clone are part of their template's story.
bool narrator::concerns_template(const events::envelope& event, const std::string& uuid) const {
  if (!std::holds_alternative<events::instance_start_requested>(event.what)) return false;
  const auto* instance = find_in(world_.instances, id_of(event.stream));
  return instance != nullptr && instance->template_id == uuid;
}

// While an instance waits, what happens to its template is part of its story; so are its own
// clones.
bool narrator::concerns_instance(const events::envelope& event, const std::string& uuid) const {
  const auto* self = find_in(world_.instances, uuid);
  if (self == nullptr || self->template_id.empty() ||
      event.stream != "template/" + self->template_id)
    return false;
  if (const auto* granted = std::get_if<events::clone_granted>(&event.what))
    return granted->instance_id == uuid;
  if (const auto* finished = std::get_if<events::clone_finished>(&event.what))
    return finished->instance_id == uuid && !finished->running;
  return self->phase == ins::lifecycle::waiting_for_template;
}

// Whether a restart of the daemon can change what happens to it.
bool narrator::at_stake(const std::string& stream) const {
  if (const auto* one = find_in(world_.templates, id_of(stream))) return !tpl::settled(*one);
  if (const auto* one = find_in(world_.instances, id_of(stream)))
    return !ins::settled(*one) || one->phase == ins::lifecycle::running;
  return false;
}

// ---- telling -----------------------------------------------------------------------------------

std::string narrator::waiters_text(const std::string& uuid, std::int64_t now_us) const {
  const auto found = waiting_.find(uuid);
  if (found == waiting_.end() || found->second.empty()) return "";
  const auto count = found->second.size();
  std::string out =
      "; " + std::to_string(count) +
      (count == 1 ? " instance has waited for it: " : " instances have waited for it: ");
  std::size_t named = 0;
  for (const auto& [instance, since] : found->second) {
    if (named == most_named) return out + " and " + std::to_string(count - named) + " more";
    const auto* known = names_.find("instance/" + instance);
    out += (named++ == 0 ? "" : ", ") + (known == nullptr ? instance : known->name) + " " +
           human_duration(span_us(since, now_us));
  }
  return out;
}

told_step narrator::told(const events::envelope& event) {
  const auto uuid = template_of(world_, event);
  memory earlier;
  earlier.preparing_since_us = moment(preparing_since_, uuid);
  earlier.request_began_us = moment(requests_since_, event.stream);
  if (const auto* finished = std::get_if<events::clone_finished>(&event.what))
    earlier.granted_us = moment(grants_, std::pair(uuid, finished->instance_id));
  const scene at{event, world_, names_};
  auto words = template_words(at, earlier);
  if (!words) words = instance_words(at, earlier);
  if (!words) words = service_words(at, earlier);
  if (!words) words = system_words(at, earlier);
  if (!words)
    words = cli::told{std::string(events::type_name(event.what)) + unknown_because(event.what)};
  if (std::holds_alternative<events::template_snapshotted>(event.what) ||
      std::holds_alternative<events::preparation_failed>(event.what))
    words->text += waiters_text(uuid, event.time_us);
  if (std::holds_alternative<events::daemon_started>(event.what) && daemon_is_up_)
    words->text += "; the one before it ended without a word (killed or crashed)";
  return {event.sequence,
          event.time_us,
          event.stream,
          teller(names_, event.stream),
          std::string(events::type_name(event.what)),
          std::move(words->text),
          words->took_us,
          std::move(words->console_tail),
          std::string(events::to_string(event.why.source)),
          event.why.principal,
          event.why.request_id};
}

void narrator::keep_restart(told_step step) {
  const bool matters = about_.is_request()
                           ? std::any_of(touched_.begin(), touched_.end(),
                                         [this](const auto& stream) { return at_stake(stream); })
                           : at_stake(about_.stream);
  if (matters) {
    steps_.push_back(std::move(step));
    return;
  }
  if (restarts_.size() == most_restarts_kept) restarts_.erase(restarts_.begin());
  restarts_.push_back(std::move(step));
}

void narrator::note(const events::envelope& event) {
  names_.note(event);
  if (concerns(event)) {
    std::move(restarts_.begin(), restarts_.end(), std::back_inserter(steps_));
    restarts_.clear();
    touched_.insert(event.stream);
    steps_.push_back(told(event));
  } else if (is_restart(event) && !steps_.empty()) {
    keep_restart(told(event));
  }
  remember(event);
}

void narrator::remember(const events::envelope& event) {
  const auto uuid = template_of(world_, event);
  actors::apply(world_, event);
  const auto own = id_of(event.stream);
  if (std::holds_alternative<events::daemon_started>(event.what)) daemon_is_up_ = true;
  if (std::holds_alternative<events::daemon_stopped>(event.what)) daemon_is_up_ = false;
  if (std::holds_alternative<events::preparation_started>(event.what))
    preparing_since_[uuid] = event.time_us;
  if (const auto* granted = std::get_if<events::clone_granted>(&event.what))
    grants_[{uuid, granted->instance_id}] = event.time_us;
  if (const auto* finished = std::get_if<events::clone_finished>(&event.what))
    grants_.erase({uuid, finished->instance_id});
  if (std::holds_alternative<events::request_began>(event.what))
    requests_since_[event.stream] = event.time_us;
  if (std::holds_alternative<events::request_answered>(event.what))
    requests_since_.erase(event.stream);
  if (const auto* instance = find_in(world_.instances, own); instance != nullptr &&
                                                             kind_of(event.stream) == "instance" &&
                                                             !instance->template_id.empty()) {
    auto& waiters = waiting_[instance->template_id];
    if (instance->phase == ins::lifecycle::waiting_for_template)
      waiters.emplace(own, event.time_us);
    else
      waiters.erase(own);
  }
}

// ---- the end -----------------------------------------------------------------------------------

std::string narrator::state_of(const std::string& stream) const {
  const auto who = spoken(names_, stream);
  const auto since = [](std::int64_t us) { return ", since " + clock_text(us); };
  if (const auto* one = find_in(world_.templates, id_of(stream))) {
    auto text = who + " is " + std::string(tpl::shown_lifecycle(*one)) + since(one->phase_since_us);
    if (one->phase == tpl::lifecycle::preparation_failed && one->last_failure)
      text += " (" + one->last_failure->stage + ": " + one->last_failure->reason + ")";
    if (one->phase == tpl::lifecycle::snapshotted)
      text += ", with " + std::to_string(one->clones_made) + " clones made";
    return text;
  }
  if (const auto* one = find_in(world_.instances, id_of(stream))) {
    auto text = who + " is " + std::string(ins::to_string(one->phase)) + since(one->phase_since_us);
    if (one->phase == ins::lifecycle::failed && one->last_failure)
      text += " (" + one->last_failure->stage + ": " + one->last_failure->reason + ")";
    return text;
  }
  if (const auto* one = find_in(world_.services, id_of(stream))) {
    auto text = who + " is " + std::string(actors::service_group::to_string(one->phase)) +
                ", with " + std::to_string(one->instances.size()) + " instances";
    if (one->scaling) text += " of " + std::to_string(one->scaling->max_size) + " at most";
    return text;
  }
  return "";
}

std::string narrator::present_state() const {
  if (!about_.is_request()) return "Now " + state_of(about_.stream) + ".";
  std::string out;
  std::size_t named = 0;
  std::size_t more = 0;
  for (const auto& stream : touched_) {
    const auto text = state_of(stream);
    if (text.empty()) continue;
    if (named == most_named) {
      ++more;
      continue;
    }
    out += (named++ == 0 ? "Now " : "; ") + text;
  }
  if (out.empty()) return "It left neither a template nor an instance.";
  return out + (more == 0 ? "." : "; and " + std::to_string(more) + " more.");
}

}  // namespace platen::cli
