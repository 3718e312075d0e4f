// What an earlier run of a request with an Idempotency-Key did before it could answer: the log
// tells, because all runs of a request give their events the same cause.
#pragma once

#include <string>

#include "http/routes/api.hpp"
#include "http/routes/entity_kind.hpp"

namespace platen::http {

// The entity that an earlier run deleted, as it was before; null if there is none. Reads the log
// from the earlier run on.
template <class Kind>
typename Kind::pointer deleted_by_earlier_run(const api& with, const api_request& request,
                                              const actors::reference& which) {
  using state = typename Kind::state;
  if (!request.key || request.key->earlier_run == 0) return nullptr;
  const auto& log = with.on.log;
  std::shared_ptr<state> found;
  const auto as_before = [&](const events::envelope& deletion) {
    auto folded = std::make_shared<state>();
    folded->id = deletion.stream.substr(deletion.stream.find('/') + 1);
    [[maybe_unused]] const auto read =
        log.read_stream(deletion.stream, 0, [&](const events::envelope& event) {
          if (event.version >= deletion.version) return false;
          *folded = evolve(std::move(*folded), event);
          return true;
        });
    return folded;
  };
  // What cannot be read was not deleted as far as anybody can tell.
  [[maybe_unused]] const auto read =
      log.read_all(request.key->earlier_run, [&](const events::envelope& event) {
        const bool by_it = std::holds_alternative<typename Kind::deletion>(event.what) &&
                           event.why.request_id == request.why.request_id &&
                           event.why.principal == request.why.principal;
        if (!by_it) return true;
        auto before = as_before(event);
        const bool is_it = which.uuid.empty() ? before->name == with.of.full(which.name)
                                              : before->id == which.uuid;
        if (is_it && with.of.has(before->name)) found = std::move(before);
        return !is_it;
      });
  return with.of.shown(found);
}

}  // namespace platen::http
