#include "actors/replay.hpp"

#include <algorithm>

namespace platen::actors {

namespace {

constexpr std::string_view template_prefix = "template/";
constexpr std::string_view instance_prefix = "instance/";

template <class State>
void fold(std::map<std::string, State>& entities, std::string id, const events::envelope& event) {
  auto& entity = entities[id];
  entity.id = std::move(id);
  entity = evolve(std::move(entity), event);
}

}  // namespace

void apply(world& all, const events::envelope& event) {
  all.sequence = event.sequence;
  all.newest_schema = std::max(all.newest_schema, event.schema);
  if (all.first_newer == 0 && event.schema > events::schema_version) {
    all.first_newer = event.sequence;
  }
  const std::string_view stream = event.stream;
  if (stream.starts_with(template_prefix)) {
    fold(all.templates, std::string(stream.substr(template_prefix.size())), event);
  } else if (stream.starts_with(instance_prefix)) {
    fold(all.instances, std::string(stream.substr(instance_prefix.size())), event);
  }
}

store::result<world> replay(const store::event_log& log, std::uint64_t up_to) {
  world all;
  const auto read = log.read_all(0, [&](const events::envelope& event) {
    if (up_to != 0 && event.sequence > up_to) return false;
    apply(all, event);
    return true;
  });
  if (!read) return tl::make_unexpected(read.error());
  return all;
}

std::string template_stream(const std::string& uuid) {
  return std::string(template_prefix) + uuid;
}
std::string instance_stream(const std::string& uuid) {
  return std::string(instance_prefix) + uuid;
}

}  // namespace platen::actors
