#include "hypervisor/hypervisor.hpp"

namespace platen::hypervisor {

std::string_view to_string(stage value) {
  switch (value) {
    case stage::image:
      return "image";
    case stage::disk:
      return "disk";
    case stage::boot:
      return "boot";
    case stage::guest_signal:
      return "guest_signal";
    case stage::snapshot:
      return "snapshot";
    case stage::verify:
      return "verify";
    case stage::clone:
      return "clone";
    case stage::resume:
      return "resume";
    case stage::run:
      return "run";
    case stage::suspend:
      return "suspend";
  }
  return "unknown";
}

}  // namespace platen::hypervisor
