#include "tests/simulation/oracle.hpp"

#include <algorithm>

namespace platen::simulation {

std::string id_of(const std::string& stream) {
  return stream.substr(stream.find('/') + 1);
}

store::result<void> oracle::catch_up(const observer& observe) {
  if (log_.newest().sequence == now_.sequence) return {};
  return log_.read_all(now_.sequence, [&](const events::envelope& event) {
    observe(now_, event);
    fold(event);
    return true;
  });
}

void oracle::fold(const events::envelope& event) {
  actors::apply(now_, event);
  const auto id = id_of(event.stream);
  // An instance that became a template shares its UUID with that.
  if (actors::is_template_stream(event.stream)) {
    templates_[id].push_back(now_.templates.at(id));
  } else if (const auto i = now_.instances.find(id); i != now_.instances.end()) {
    instances_[id].push_back(i->second);
  }
  // type_name gives names that live as long as the program, except for events of the future.
  by_request_.emplace(event.why.request_id, events::type_name(event.what));
}

std::size_t oracle::events_of(const std::string& request_id, std::string_view type) const {
  const auto [first, last] = by_request_.equal_range(request_id);
  return static_cast<std::size_t>(
      std::count_if(first, last, [&](const auto& entry) { return entry.second == type; }));
}

}  // namespace platen::simulation
