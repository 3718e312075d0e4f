// What must always be true, one named function each. A function returns what is wrong, or nothing.
//
// All of them judge by the log's own events (oracle.hpp), never by what an actor says of itself.
#pragma once

#include <optional>
#include <string>

#include "actors/control_plane.hpp"
#include "hypervisor/sim/sim_driver.hpp"
#include "tests/simulation/oracle.hpp"

namespace platen::simulation {

using complaint = std::optional<std::string>;

// What the daemons of a simulation allow: little, so that it is met.
struct limits {
  static constexpr std::size_t instances = 8;
  static constexpr std::size_t templates = 3;
};

// ---- of each event, with the world as it was before it
// -------------------------------------------

// `newest_version` is that of the event's stream before it.
complaint sequences_and_versions_have_no_gaps(const actors::world& before,
                                              std::uint64_t newest_version,
                                              const events::envelope& event);
complaint every_event_says_why(const actors::world& before, const events::envelope& event);
complaint no_event_is_of_an_attempt_that_is_over(const actors::world& before,
                                                 const events::envelope& event);
complaint one_preparation_at_a_time(const actors::world& before, const events::envelope& event);
complaint a_deleted_entity_stays_deleted(const actors::world& before,
                                         const events::envelope& event);

// ---- of each order to the hypervisor, with the world as the log has it
// ---------------------------

complaint a_boot_has_a_durable_intent(const actors::world& log,
                                      const hypervisor::boot_order& order);
complaint a_clone_has_a_durable_intent(const actors::world& log,
                                       const hypervisor::clone_order& order);
complaint a_snapshot_has_a_durable_intent(const actors::world& log,
                                          const hypervisor::snapshot_order& order);
complaint a_suspend_has_a_durable_intent(const actors::world& log, const hypervisor::vm_ref& vm);
complaint a_resume_has_a_durable_intent(const actors::world& log,
                                        const hypervisor::resume_order& order);
complaint only_what_should_live_is_adopted(const actors::world& log, const hypervisor::vm_ref& vm);
complaint only_what_should_end_is_ended(const actors::world& log, const hypervisor::vm_ref& vm);
complaint nothing_that_should_live_is_removed(const actors::world& log,
                                              const hypervisor::vm_ref& vm);
complaint no_snapshot_that_is_needed_is_removed(const actors::world& log,
                                                const std::string& snapshot_id);

// ---- of each answer to a client
// ------------------------------------------------------------------

complaint an_acknowledged_state_is_in_the_log(const oracle& log,
                                              const actors::instance::state& answer);
complaint an_acknowledged_state_is_in_the_log(const oracle& log,
                                              const actors::vm_template::state& answer);

// ---- after each step
// -----------------------------------------------------------------------------

// The world as the log has it.
complaint names_are_unique(const actors::world& log);
complaint a_cloning_instance_is_in_flight_at_its_template(const actors::world& log);
complaint there_are_no_more_than_allowed(const actors::world& log);

complaint a_published_state_is_in_the_log(const oracle& log, const actors::control_plane& plane);
complaint an_entity_has_one_living_vm(const hypervisor::sim_world& machine);

// ---- when nothing is under way
// -------------------------------------------------------------------

complaint what_is_published_is_what_the_log_says(const actors::world& log,
                                                 const actors::control_plane& plane);

// ---- at the end, when nothing goes wrong any more and all time has passed
// ------------------------

complaint everything_is_settled(const actors::world& log);
complaint no_lease_is_forgotten(const actors::world& log);
complaint what_should_live_lives(const actors::world& log, const hypervisor::sim_world& machine);
complaint nothing_is_left_behind(const actors::world& log, const hypervisor::sim_world& machine);

}  // namespace platen::simulation
