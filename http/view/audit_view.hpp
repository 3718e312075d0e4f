// Events of instances and templates as documents of the audit stream, in the platform API's form
// (reference/unikraft-api.md §16). Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "actors/instance/state.hpp"
#include "actors/template/state.hpp"
#include "http/request/envelope.hpp"

namespace platen::http {

inline constexpr std::array<std::string_view, 8> audit_types = {"vm.create",
                                                                "vm.state_change",
                                                                "vm.start_failed",
                                                                "vm.delete",
                                                                "template.create",
                                                                "template.state_change",
                                                                "template.preparation_failed",
                                                                "template.delete"};

// An entity as far as its documents need it: small, so that many can be kept.
template <class State>
struct audited {
  State now;                // phase none: not known; without its spec and its clones
  std::string owner;        // the principal that created it
  events::cause requested;  // behind what is under way
};

using audited_instance = audited<actors::instance::state>;
using audited_template = audited<actors::vm_template::state>;

audited_instance evolve(audited_instance before, const events::envelope& event);
audited_template evolve(audited_template before, const events::envelope& event);

struct audit_document {
  std::string_view type;  // one of audit_types
  json_object body;       // fields that are absent are left out, none is null
};

// What `event` is shown as: nothing if clients do not see a difference. `after` is
// evolve(before, event).
std::vector<audit_document> documents_of(const audited_instance& before,
                                         const audited_instance& after,
                                         const events::envelope& event);
std::vector<audit_document> documents_of(const audited_template& before,
                                         const audited_template& after,
                                         const events::envelope& event);

}  // namespace platen::http
