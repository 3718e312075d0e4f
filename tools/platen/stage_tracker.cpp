#include "tools/platen/stage_tracker.hpp"

#include "hypervisor/hypervisor.hpp"

namespace platen::cli {
namespace {

using nlohmann::json;

std::string text(const json& object, const char* member) {
  return object.value(member, std::string());
}

std::string attempt_of(const json& data) {
  const auto attempt = data.value("attempt", 1u);
  return attempt > 1 ? ", attempt " + std::to_string(attempt) : "";
}

std::string template_stage(const std::string& type, const json& data) {
  if (type == "TemplateRequested") return "requested";
  if (type == "PreparationScheduled") return "waits before it is tried again" + attempt_of(data);
  if (type == "ParentRequested") return "waits for the template it is made from" + attempt_of(data);
  if (type == "PreparationStarted") return "preparing: the guest boots" + attempt_of(data);
  if (type == "TemplateGuestBooted")
    return "awaiting the guest's signal (" + text(data, "accelerator") + ")";
  if (type == "GuestSignalled") return "snapshotting";
  if (type == "TemplateSnapshotted") return "snapshotted";
  if (type == "PreparationFailed")
    return "failed: " + text(data, "stage") + ": " + text(data, "reason");
  if (type == "SnapshotRejected") {
    const auto reason = text(data, "reason");
    const bool stale = reason.starts_with(hypervisor::stale_snapshot);
    return (stale ? "its snapshot is " : "its snapshot is damaged: ") + reason;
  }
  if (type == "TemplateDeleted" || type == "TemplateAutokilled") return "deleted";
  return "";
}

std::string instance_stage(const std::string& type, const json& data) {
  if (type == "InstanceCloneStarted") return "cloning";
  if (type == "InstanceBootStarted") return "booting";
  if (type == "InstanceRunning") return "running (" + text(data, "accelerator") + ")";
  if (type == "InstanceDrainStarted") return "draining";
  if (type == "InstanceStopRequested") return "stopping";
  if (type == "InstanceStopped") return "stopped: " + text(data, "reason");
  if (type == "InstanceSuspendRequested") return "suspending";
  if (type == "InstanceSuspended") return "suspended";
  if (type == "InstanceResumeStarted") return "resuming";
  if (type == "InstanceConversionRequested") return "converting";
  if (type == "InstanceConverted") return "a template now";
  if (type == "InstanceSuspendFailed" || type == "InstanceConversionFailed")
    return "runs on: " + text(data, "stage") + ": " + text(data, "reason");
  if (type == "InstanceFailed")
    return "failed: " + text(data, "stage") + ": " + text(data, "reason");
  if (type == "InstanceRestartScheduled") return "to be restarted";
  if (type == "InstanceDeleted" || type == "InstanceAutokilled") return "deleted";
  return "";
}

// Whether an event is on a stream that is watched; the first event of an entity with the watched
// name says which stream that is.
bool on_stream(const json& event, const char* first_type, const std::string& name,
               std::string& stream) {
  if (!name.empty() && text(event, "type") == first_type &&
      text(event.value("data", json::object()), "name") == name)
    stream = text(event, "stream");
  return !stream.empty() && text(event, "stream") == stream;
}

}  // namespace

bool stage_tracker::concerns_template(const json& event) {
  return on_stream(event, "TemplateRequested", what_.template_name, what_.template_stream);
}

bool stage_tracker::concerns_instance(const json& event) {
  return on_stream(event, "InstanceRequested", what_.instance_name, what_.instance_stream);
}

bool stage_tracker::feed(const json& event) {
  const auto type = text(event, "type");
  const auto data = event.value("data", json::object());
  std::string now;
  if (concerns_template(event)) {
    const auto stage = template_stage(type, data);
    if (!stage.empty()) now = "template '" + what_.template_name + "': " + stage;
  } else if (concerns_instance(event)) {
    const auto stage = instance_stage(type, data);
    if (!stage.empty()) now = "instance '" + what_.instance_name + "': " + stage;
  }
  if (now.empty() || now == stage_) return false;
  stage_ = now;
  return true;
}

}  // namespace platen::cli
