#include "http/view/public_state.hpp"

namespace platen::http {

std::string_view public_state(actors::instance::lifecycle phase) {
  using lifecycle = actors::instance::lifecycle;
  switch (phase) {
    case lifecycle::waiting_for_template:
    case lifecycle::cloning:
    case lifecycle::booting:
    case lifecycle::resuming:
      return "starting";
    case lifecycle::running:
      return "running";
    case lifecycle::draining:
      return "draining";
    case lifecycle::stopping:
    case lifecycle::suspending:
    case lifecycle::converting:
      return "stopping";
    case lifecycle::standby:
      return "standby";
    case lifecycle::converted:
      return "template";
    case lifecycle::deleted:
      return "deleted";
    case lifecycle::none:
    case lifecycle::stopped:
    case lifecycle::suspended:
    case lifecycle::failed:
      break;
  }
  return "stopped";
}

std::string_view public_state(actors::vm_template::lifecycle phase) {
  using lifecycle = actors::vm_template::lifecycle;
  switch (phase) {
    case lifecycle::requested:
    case lifecycle::waiting_for_parent:
    case lifecycle::preparing:
      return "starting";
    case lifecycle::awaiting_guest_signal:
      return "running";
    case lifecycle::snapshotting:
      return "stopping";
    case lifecycle::snapshotted:
    case lifecycle::cold:
      return "template";
    case lifecycle::autokilled:
    case lifecycle::deleted:
      return "deleted";
    case lifecycle::none:
    case lifecycle::preparation_failed:
      break;
  }
  return "stopped";
}

}  // namespace platen::http
