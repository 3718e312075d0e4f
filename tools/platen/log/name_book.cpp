#include "tools/platen/log/name_book.hpp"

#include <algorithm>

#include "actors/scoped_name.hpp"
#include "tools/common/nearest.hpp"
#include "tools/platen/entity.hpp"

namespace platen::cli {
namespace {

constexpr std::size_t shortest_uuid_prefix = 4;

bool has_names(const std::string& kind) {
  return kind == "template" || kind == "instance" || kind == "service";
}

bool matches(const std::string& wanted_kind, const known_entity& entity) {
  return wanted_kind.empty() || wanted_kind == entity.kind;
}

std::vector<std::string> streams_of(const std::vector<known_entity>& entities) {
  std::vector<std::string> out;
  for (const auto& entity : entities)
    out.push_back(entity.stream());
  return out;
}

}  // namespace

void name_book::note(const events::envelope& event) {
  const auto slash = event.stream.find('/');
  if (slash == std::string::npos) return;
  if (const auto* asked = std::get_if<events::template_requested>(&event.what))
    add({"template", event.stream.substr(slash + 1), asked->name});
  else if (const auto* wanted = std::get_if<events::instance_requested>(&event.what))
    add({"instance", event.stream.substr(slash + 1), wanted->name});
  else if (const auto* group = std::get_if<events::service_group_requested>(&event.what))
    add({"service", event.stream.substr(slash + 1), group->name});
  else if (std::holds_alternative<events::template_deleted>(event.what) ||
           std::holds_alternative<events::template_autokilled>(event.what) ||
           std::holds_alternative<events::instance_autokilled>(event.what) ||
           std::holds_alternative<events::instance_deleted>(event.what) ||
           std::holds_alternative<events::instance_converted>(event.what) ||
           std::holds_alternative<events::service_group_deleted>(event.what))
    if (const auto gone = by_stream_.find(event.stream); gone != by_stream_.end())
      gone->second.deleted = true;
}

void name_book::add(known_entity entity) {
  auto stream = entity.stream();
  if (by_stream_.emplace(stream, std::move(entity)).second) order_.push_back(std::move(stream));
}

std::string name_book::label(const std::string& stream) const {
  const auto* entity = find(stream);
  return entity == nullptr || actors::is_unnamed(entity->name) ? stream
                                                               : entity->kind + "/" + entity->name;
}

const known_entity* name_book::find(const std::string& stream) const {
  const auto found = by_stream_.find(stream);
  return found == by_stream_.end() ? nullptr : &found->second;
}

std::vector<known_entity> name_book::named(const std::string& kind, const std::string& name) const {
  std::vector<known_entity> out;
  for (const auto& stream : order_)
    if (const auto& entity = by_stream_.at(stream); matches(kind, entity) && entity.name == name)
      out.push_back(entity);
  return out;
}

std::vector<known_entity> name_book::with_uuid(const std::string& kind,
                                               const std::string& prefix) const {
  std::vector<known_entity> out;
  if (prefix.size() < shortest_uuid_prefix) return out;
  for (const auto& stream : order_)
    if (const auto& entity = by_stream_.at(stream);
        matches(kind, entity) && entity.uuid.starts_with(prefix))
      out.push_back(entity);
  return out;
}

std::string name_book::suggestion(const std::string& kind, const std::string& name) const {
  std::vector<std::string> known;
  for (const auto& [stream, entity] : by_stream_)
    if (matches(kind, entity)) known.push_back(entity.name);
  const auto near = tools::nearest(name, known);
  return near ? "; did you mean '" + *near + "'?" : "";
}

result<std::vector<std::string>> streams_meant(const name_book& names, const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size())
    return fail(exit_code::usage,
                "--stream: expected KIND/NAME such as template/web, instance/one, template/* or "
                "system/platend, found '" +
                    text + "'");
  const auto kind = text.substr(0, slash);
  const auto name = text.substr(slash + 1);
  if (name == "*" || !has_names(kind)) return std::vector{text};
  if (auto named = streams_of(names.named(kind, name)); !named.empty()) return named;
  if (auto found = streams_of(names.with_uuid(kind, name)); !found.empty()) return found;
  if (is_uuid(name)) return std::vector{text};
  return fail(exit_code::not_found, "--stream: the log has no " + kind + " '" + name + "'" +
                                        names.suggestion(kind, name));
}

}  // namespace platen::cli
