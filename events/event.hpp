// The vocabulary of the log: one plain struct per event, and the variant of them all.
//
// The structs are the FlatBuffers native types of schema/event.fbs under their names in the log,
// in snake_case. They are values: copyable, comparable, without any behaviour.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "events/schema/event_generated.h"

namespace platen::events {

using rom = wire::RomT;
using service = wire::ServiceT;
using variable = wire::VariableT;
using vm_spec = wire::VmSpecT;

using template_requested = wire::TemplateRequestedT;
using preparation_scheduled = wire::PreparationScheduledT;
using preparation_started = wire::PreparationStartedT;
using template_guest_booted = wire::TemplateGuestBootedT;
using guest_signalled = wire::GuestSignalledT;
using template_snapshotted = wire::TemplateSnapshottedT;
using preparation_failed = wire::PreparationFailedT;
using snapshot_rejected = wire::SnapshotRejectedT;
using clone_granted = wire::CloneGrantedT;
using clone_finished = wire::CloneFinishedT;
using template_deleted = wire::TemplateDeletedT;

using instance_requested = wire::InstanceRequestedT;
using instance_start_requested = wire::InstanceStartRequestedT;
using instance_clone_started = wire::InstanceCloneStartedT;
using instance_boot_started = wire::InstanceBootStartedT;
using instance_running = wire::InstanceRunningT;
using instance_stop_requested = wire::InstanceStopRequestedT;
using instance_stopped = wire::InstanceStoppedT;
using instance_failed = wire::InstanceFailedT;
using instance_deleted = wire::InstanceDeletedT;

using daemon_started = wire::DaemonStartedT;
using daemon_stopped = wire::DaemonStoppedT;
using vm_adopted = wire::VmAdoptedT;
using leftover_removed = wire::LeftoverRemovedT;
using checkpoint_signed = wire::CheckpointSignedT;
using history_archived = wire::HistoryArchivedT;

using request_began = wire::RequestBeganT;
using request_answered = wire::RequestAnsweredT;

using parent_requested = wire::ParentRequestedT;
using template_held = wire::TemplateHeldT;
using template_released = wire::TemplateReleasedT;
using template_changed = wire::TemplateChangedT;
using template_autokilled = wire::TemplateAutokilledT;
using instance_changed = wire::InstanceChangedT;
using instance_restart_scheduled = wire::InstanceRestartScheduledT;
using instance_autokilled = wire::InstanceAutokilledT;

using domain = wire::DomainT;
using service_group_requested = wire::ServiceGroupRequestedT;
using service_group_changed = wire::ServiceGroupChangedT;
using service_group_joined = wire::ServiceGroupJoinedT;
using service_group_left = wire::ServiceGroupLeftT;
using service_group_deleted = wire::ServiceGroupDeletedT;
using certificate_added = wire::CertificateAddedT;
using certificate_deleted = wire::CertificateDeletedT;

using instance_suspend_requested = wire::InstanceSuspendRequestedT;
using instance_suspended = wire::InstanceSuspendedT;
using instance_suspend_failed = wire::InstanceSuspendFailedT;
using instance_resume_started = wire::InstanceResumeStartedT;
using instance_conversion_requested = wire::InstanceConversionRequestedT;
using instance_converted = wire::InstanceConvertedT;
using instance_conversion_failed = wire::InstanceConversionFailedT;

using scale_step = wire::ScaleStepT;
using scale_policy = wire::ScalePolicyT;
using autoscale_configured = wire::AutoscaleConfiguredT;
using autoscale_removed = wire::AutoscaleRemovedT;
using scaled_out = wire::ScaledOutT;
using scaled_in = wire::ScaledInT;
using instance_drain_started = wire::InstanceDrainStartedT;
using instance_requests_counted = wire::InstanceRequestsCountedT;

// An event written by a newer version: kept, shown by its type and passed through untouched.
struct unknown_event {
  std::string type;
  std::string bytes;  // the payload as stored
  friend bool operator==(const unknown_event&, const unknown_event&) = default;
};

using event = std::variant<
    unknown_event, template_requested, preparation_scheduled, preparation_started,
    template_guest_booted, guest_signalled, template_snapshotted, preparation_failed,
    snapshot_rejected, clone_granted, clone_finished, template_deleted, instance_requested,
    instance_start_requested, instance_clone_started, instance_boot_started, instance_running,
    instance_stop_requested, instance_stopped, instance_failed, instance_deleted, daemon_started,
    daemon_stopped, vm_adopted, leftover_removed, checkpoint_signed, history_archived,
    request_began, request_answered, parent_requested, template_held, template_released,
    template_changed, template_autokilled, instance_changed, instance_restart_scheduled,
    instance_autokilled, service_group_requested, service_group_changed, service_group_joined,
    service_group_left, service_group_deleted, certificate_added, certificate_deleted,
    instance_suspend_requested, instance_suspended, instance_suspend_failed,
    instance_resume_started, instance_conversion_requested, instance_converted,
    instance_conversion_failed, autoscale_configured, autoscale_removed, scaled_out, scaled_in,
    instance_drain_started, instance_requests_counted>;

// The event's name in the schema ("PreparationStarted"), which is its name in the log, the CLI and
// the dashboard. For an unknown_event, the name its writer gave it.
std::string_view type_name(const event& value);

// The newest schema version this program writes.
inline constexpr std::uint16_t schema_version = 4;

// The longest console tail an event carries, in bytes.
inline constexpr std::size_t console_tail_limit = std::size_t{16} << 10U;

}  // namespace platen::events
