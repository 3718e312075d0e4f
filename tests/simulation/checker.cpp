#include "tests/simulation/checker.hpp"

namespace platen::simulation {

void checker::require(const char* invariant, const simulation::complaint& wrong) {
  if (!wrong || !complaint_.empty()) return;
  complaint_ = std::string(invariant) + ": " + *wrong;
  out_.line("BROKEN", complaint_);
}

void checker::read_log() {
  const auto read = oracle_.catch_up(
      [this](const actors::world& before, const events::envelope& event) { see(before, event); });
  if (!read) require("the log can be read", read.error().message);
}

void checker::see(const actors::world& before, const events::envelope& event) {
  log_changed_ = true;
  out_.mix({reinterpret_cast<const char*>(event.hash.data()), event.hash.size()});
  if (out_.printing()) show(before, event);
  auto& version = versions_[event.stream];
  require("sequences_and_versions_have_no_gaps",
          sequences_and_versions_have_no_gaps(before, version, event));
  version = event.version;
  require("every_event_says_why", every_event_says_why(before, event));
  require("no_event_is_of_an_attempt_that_is_over",
          no_event_is_of_an_attempt_that_is_over(before, event));
  require("one_preparation_at_a_time", one_preparation_at_a_time(before, event));
  require("a_deleted_entity_stays_deleted", a_deleted_entity_stays_deleted(before, event));
}

namespace {

std::string named(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

struct shown_entity {
  std::string name;  // and id, because names are used again
  std::string phase;
};

shown_entity shown(const actors::world& all, const events::envelope& event) {
  const auto id = id_of(event.stream);
  if (const auto t = all.templates.find(id); t != all.templates.end())
    return {t->second.name + " " + id,
            std::string(actors::vm_template::shown_lifecycle(t->second))};
  if (const auto i = all.instances.find(id); i != all.instances.end())
    return {i->second.name + " " + id, std::string(actors::instance::to_string(i->second.phase))};
  return {id, "none"};
}

}  // namespace

void checker::show(const actors::world& before, const events::envelope& event) {
  auto after = before;
  actors::apply(after, event);
  const auto was = shown(before, event);
  const auto is = shown(after, event);
  const auto number = named("#" + std::to_string(event.sequence), 6);
  const auto type = named(std::string(events::type_name(event.what)), 23);
  out_.line(is.name, number + type + was.phase + (is.phase == was.phase ? "" : " -> " + is.phase));
}

void checker::after_step(const actors::control_plane* plane) {
  read_log();
  if (std::exchange(log_changed_, false)) {
    require("names_are_unique", names_are_unique(log()));
    require("a_cloning_instance_is_in_flight_at_its_template",
            a_cloning_instance_is_in_flight_at_its_template(log()));
    require("there_are_no_more_than_allowed", there_are_no_more_than_allowed(log()));
  }
  require("an_entity_has_one_living_vm", an_entity_has_one_living_vm(machine_));
  if (plane != nullptr)
    require("a_published_state_is_in_the_log", a_published_state_is_in_the_log(oracle_, *plane));
}

void checker::at_rest(const actors::control_plane& plane) {
  require("what_is_published_is_what_the_log_says",
          what_is_published_is_what_the_log_says(log(), plane));
}

void checker::at_end(const actors::control_plane& plane) {
  at_rest(plane);
  require("everything_is_settled", everything_is_settled(log()));
  require("no_lease_is_forgotten", no_lease_is_forgotten(log()));
  require("what_should_live_lives", what_should_live_lives(log(), machine_));
  require("nothing_is_left_behind", nothing_is_left_behind(log(), machine_));
}

}  // namespace platen::simulation
