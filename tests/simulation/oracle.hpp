// What the log says, read from the log itself: every state every entity ever had, and which events
// followed from which request.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "actors/replay.hpp"

namespace platen::simulation {

template <class State>
using history = std::vector<State>;  // [version - 1]

class oracle {
 public:
  explicit oracle(const store::event_log& log) : log_(log) {}

  // Sees the world as it was before the event.
  using observer = std::function<void(const actors::world& before, const events::envelope& event)>;

  // Folds in what has become durable since the last call, showing each event to `observe` first.
  // The error is the log's own.
  store::result<void> catch_up(const observer& observe);

  const actors::world& now() const { return now_; }

  // The state an entity had at a version; null if the log has not got that far.
  const actors::instance::state* instance_at(const std::string& id, std::uint64_t version) const {
    return at(instances_, id, version);
  }
  const actors::vm_template::state* template_at(const std::string& id,
                                                std::uint64_t version) const {
    return at(templates_, id, version);
  }

  // How many events of this type (events::type_name) the request led to.
  std::size_t events_of(const std::string& request_id, std::string_view type) const;

 private:
  template <class State>
  static const State* at(const std::map<std::string, history<State>>& of, const std::string& id,
                         std::uint64_t version) {
    const auto found = of.find(id);
    if (found == of.end() || version == 0 || version > found->second.size()) return nullptr;
    return &found->second[version - 1];
  }

  void fold(const events::envelope& event);

  const store::event_log& log_;
  actors::world now_;
  std::map<std::string, history<actors::instance::state>> instances_;
  std::map<std::string, history<actors::vm_template::state>> templates_;
  std::multimap<std::string, std::string_view> by_request_;  // request id to event type
};

// What stands behind the prefix of a stream: the entity's id.
std::string id_of(const std::string& stream);

}  // namespace platen::simulation
