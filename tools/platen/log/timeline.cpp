#include "tools/platen/log/timeline.hpp"

#include <algorithm>

#include "events/json.hpp"

namespace platen::cli {
namespace {

namespace tpl = actors::vm_template;
namespace ins = actors::instance;

std::string id_of(const std::string& stream) {
  return stream.substr(stream.find('/') + 1);
}

std::string kind_of(const std::string& stream) {
  return stream.substr(0, stream.find('/'));
}

// The lifecycle an entity is in; empty: none, or it is over.
std::string phase_in(const actors::world& all, const std::string& stream) {
  std::string phase;
  if (const auto one = all.templates.find(id_of(stream));
      one != all.templates.end() && kind_of(stream) == "template")
    phase = tpl::shown_lifecycle(one->second);
  if (const auto one = all.instances.find(id_of(stream));
      one != all.instances.end() && kind_of(stream) == "instance")
    phase = ins::to_string(one->second.phase);
  const bool over =
      phase == "deleted" || phase == "autokilled" || phase == "converted" || phase == "none";
  return over ? "" : phase;
}

}  // namespace

// ---- reading -----------------------------------------------------------------------------------

void timeline_builder::follow_phase(const events::envelope& event) {
  auto& lane = lanes_[event.stream];
  const auto phase = phase_in(world_, event.stream);
  const bool was_open = !lane.bars.empty() && lane.bars.back().open;
  if (was_open && lane.bars.back().phase == phase) return;
  if (was_open) {
    auto& last = lane.bars.back();
    last.end_us = std::max(event.time_us, last.begin_us);
    last.open = false;
  }
  if (phase.empty()) return;
  // After a jump back of the clock a bar still begins where the one before ends.
  const auto begin =
      lane.bars.empty() ? event.time_us : std::max(event.time_us, lane.bars.back().end_us);
  lane.bars.push_back({0, phase, begin, begin, true});
}

void timeline_builder::follow_links(const events::envelope& event) {
  if (std::holds_alternative<events::template_snapshotted>(event.what) ||
      std::holds_alternative<events::preparation_failed>(event.what))
    ready_since_[event.stream] = event.time_us;
  if (kind_of(event.stream) != "instance") return;
  // world_ is as it was before the event.
  const auto self = world_.instances.find(id_of(event.stream));
  if (self == world_.instances.end() || self->second.phase != ins::lifecycle::waiting_for_template)
    return;
  const auto from = actors::template_stream(self->second.template_id);
  const bool failed = std::holds_alternative<events::instance_failed>(event.what);
  if (!failed && !std::holds_alternative<events::instance_clone_started>(event.what)) return;
  // A template that was ready before had nothing prepared for this instance.
  const auto ready = ready_since_.find(from);
  if (ready == ready_since_.end() || ready->second < self->second.phase_since_us) return;
  links_.push_back({from, ready->second, event.stream, event.time_us, failed});
}

void timeline_builder::note_restart(const events::envelope& event) {
  if (const auto* started = std::get_if<events::daemon_started>(&event.what))
    restarts_.push_back({event.time_us, true, "platend " + started->version + " starts"});
  else if (std::holds_alternative<events::daemon_stopped>(event.what))
    restarts_.push_back({event.time_us, false, "platend stops"});
}

void timeline_builder::note(const events::envelope& event) {
  if (order_.empty()) first_us_ = event.time_us;
  last_us_ = std::max(last_us_, event.time_us);
  names_.note(event);
  note_restart(event);
  follow_links(event);
  actors::apply(world_, event);
  const auto [found, is_new] = lanes_.try_emplace(event.stream);
  if (is_new) order_.push_back(event.stream);
  if (const auto* asked = std::get_if<events::instance_requested>(&event.what);
      asked != nullptr && !asked->template_id.empty())
    found->second.parent = actors::template_stream(asked->template_id);
  follow_phase(event);
  if (!passes(shown_, event)) return;
  found->second.visible = true;
  if (++passed_ > most_events_drawn) return;
  events_.push_back({event.stream,
                     {0, event.time_us, event.sequence, std::string(events::type_name(event.what)),
                      events::to_json(event)}});
}

// ---- drawing up --------------------------------------------------------------------------------

std::vector<std::string> timeline_builder::ordered_streams() const {
  const auto visible = [this](const std::string& stream) {
    const auto found = lanes_.find(stream);
    return found != lanes_.end() && found->second.visible;
  };
  std::map<std::string, std::vector<std::string>> children;
  for (const auto& stream : order_)
    if (const auto& parent = lanes_.at(stream).parent; visible(stream) && visible(parent))
      children[parent].push_back(stream);
  std::vector<std::string> out;
  for (const auto& stream : order_) {
    if (!visible(stream) || kind_of(stream) != "template") continue;
    out.push_back(stream);
    out.insert(out.end(), children[stream].begin(), children[stream].end());
  }
  for (const bool instances : {true, false})
    for (const auto& stream : order_)
      if (visible(stream) && kind_of(stream) != "template" && !visible(lanes_.at(stream).parent) &&
          (kind_of(stream) == "instance") == instances)
        out.push_back(stream);
  return out;
}

bool timeline_builder::in_range(std::int64_t begin_us, std::int64_t end_us) const {
  return (!shown_.since_us || end_us >= *shown_.since_us) &&
         (!shown_.until_us || begin_us < *shown_.until_us);
}

void timeline_builder::add_bars(timeline& out, const std::map<std::string, std::size_t>& place) {
  for (const auto& [stream, number] : place) {
    for (auto bar : lanes_.at(stream).bars) {
      if (bar.open) bar.end_us = std::max(last_us_, bar.begin_us);
      if (!in_range(bar.begin_us, bar.end_us)) continue;
      if (shown_.since_us) bar.begin_us = std::max(bar.begin_us, *shown_.since_us);
      if (shown_.until_us) bar.end_us = std::min(bar.end_us, *shown_.until_us);
      bar.lane = number;
      out.bars.push_back(std::move(bar));
    }
  }
}

result<timeline> timeline_builder::finish() && {
  if (passed_ == 0) return fail(exit_code::not_found, "no event of the log passes the filter");
  if (passed_ > most_events_drawn)
    return fail(exit_code::failed, std::to_string(passed_) + " events are too many to draw (" +
                                       std::to_string(most_events_drawn) +
                                       "): choose some with --since, --until, --stream or --type");
  timeline out;
  std::map<std::string, std::size_t> place;
  std::size_t group = 0;
  for (const auto& stream : ordered_streams()) {
    const auto& parent = lanes_.at(stream).parent;
    const bool child = place.contains(parent);
    place[stream] = out.lanes.size();
    out.lanes.push_back(
        {stream, names_.label(stream), child ? out.lanes[place.at(parent)].group : group++});
  }
  add_bars(out, place);
  for (auto& event : events_) {
    event.what.lane = place.at(event.stream);
    out.markers.push_back(std::move(event.what));
  }
  for (const auto& link : links_)
    if (place.contains(link.from) && place.contains(link.to) && in_range(link.from_us, link.to_us))
      out.links.push_back(
          {place.at(link.from), link.from_us, place.at(link.to), link.to_us, link.failed});
  for (auto& restart : restarts_)
    if (in_range(restart.time_us, restart.time_us)) out.restarts.push_back(std::move(restart));
  out.begin_us = shown_.since_us ? std::max(first_us_, *shown_.since_us) : first_us_;
  for (const auto& marker : out.markers)
    out.begin_us = std::min(out.begin_us, marker.time_us);
  out.end_us =
      std::max(out.begin_us, shown_.until_us ? std::min(last_us_, *shown_.until_us) : last_us_);
  return out;
}

}  // namespace platen::cli
