#include "tools/platen/log/state_hashes.hpp"

#include <charconv>
#include <sstream>

#include "actors/state_codec.hpp"
#include "events/hash.hpp"

namespace platen::cli {
namespace {

template <class State>
std::optional<std::string> hash_in(const actors::by_uuid<State>& entities, const std::string& id) {
  const auto found = entities.find(id);
  if (found == entities.end()) return std::nullopt;
  return events::to_hex(actors::state_hash(found->second));
}

template <class State>
std::optional<events::digest> counted(const actors::by_uuid<State>& entities,
                                      const std::string& id) {
  const auto found = entities.find(id);
  if (found == entities.end() || forgettable(found->second)) return std::nullopt;
  return actors::state_hash(found->second);
}

std::optional<events::digest> counted(const actors::world& all, const std::string& stream) {
  if (!actors::is_entity_stream(stream)) return std::nullopt;
  const auto id = stream.substr(stream.find('/') + 1);
  if (actors::is_template_stream(stream)) return counted(all.templates, id);
  if (actors::is_service_stream(stream)) return counted(all.services, id);
  return counted(all.instances, id);
}

}  // namespace

std::optional<state_line> line_of(const actors::world& after, const events::envelope& event) {
  if (!actors::is_entity_stream(event.stream)) return std::nullopt;
  const auto id = event.stream.substr(event.stream.find('/') + 1);
  auto hash = actors::is_template_stream(event.stream)  ? hash_in(after.templates, id)
              : actors::is_service_stream(event.stream) ? hash_in(after.services, id)
                                                        : hash_in(after.instances, id);
  if (!hash) return std::nullopt;
  return state_line{event.sequence, event.stream, event.version, *std::move(hash)};
}

std::string to_text(const state_line& line) {
  return std::to_string(line.sequence) + " " + line.stream + " " + std::to_string(line.version) +
         " " + line.hash;
}

std::optional<state_line> parse_state_line(const std::string& text) {
  std::istringstream in(text);
  state_line line;
  std::string more;
  if (!(in >> line.sequence >> line.stream >> line.version >> line.hash) || in >> more)
    return std::nullopt;
  return events::digest_from_hex(line.hash) ? std::optional(line) : std::nullopt;
}

const actors::world_digest& world_digests::of(const actors::world& all) {
  for (const auto& stream : changed_) {
    if (const auto old = included_.extract(stream)) sum_.remove(old.mapped());
    const auto hash = counted(all, stream);
    if (!hash) continue;
    sum_.add(*hash);
    included_.emplace(stream, *hash);
  }
  changed_.clear();
  return sum_;
}

}  // namespace platen::cli
