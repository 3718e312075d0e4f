#include "actors/replay.hpp"

#include <algorithm>

namespace platen::actors {

namespace {

constexpr std::string_view template_prefix = "template/";
constexpr std::string_view instance_prefix = "instance/";
constexpr std::string_view service_prefix = "service/";

template <class State>
void fold(by_uuid<State>& entities, std::string_view id, const events::envelope& event) {
  auto found = entities.find(id);
  if (found == entities.end()) {
    found = entities.emplace(id, State{}).first;
    found->second.id = id;
  }
  fold_into(found->second, event);
}

}  // namespace

void apply(world& all, const events::envelope& event) {
  all.sequence = event.sequence;
  all.newest_schema = std::max(all.newest_schema, event.schema);
  if (all.first_newer == 0 && event.schema > events::schema_version) {
    all.first_newer = event.sequence;
  }
  const std::string_view stream = event.stream;
  if (is_template_stream(stream)) {
    fold(all.templates, stream.substr(template_prefix.size()), event);
  } else if (stream.starts_with(instance_prefix)) {
    fold(all.instances, stream.substr(instance_prefix.size()), event);
  } else if (is_service_stream(stream)) {
    fold(all.services, stream.substr(service_prefix.size()), event);
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

bool is_template_stream(std::string_view stream) {
  return stream.starts_with(template_prefix);
}

bool is_service_stream(std::string_view stream) {
  return stream.starts_with(service_prefix);
}

bool is_entity_stream(std::string_view stream) {
  return is_template_stream(stream) || stream.starts_with(instance_prefix) ||
         is_service_stream(stream);
}

std::string template_stream(const std::string& uuid) {
  return std::string(template_prefix) + uuid;
}
std::string instance_stream(const std::string& uuid) {
  return std::string(instance_prefix) + uuid;
}
std::string service_stream(const std::string& uuid) {
  return std::string(service_prefix) + uuid;
}

}  // namespace platen::actors
