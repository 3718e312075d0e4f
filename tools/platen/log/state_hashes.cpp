#include "tools/platen/log/state_hashes.hpp"

#include <charconv>
#include <sstream>

#include "actors/state_codec.hpp"
#include "events/hash.hpp"

namespace platen::cli {
namespace {

template <class State>
std::optional<std::string> hash_in(const std::map<std::string, State>& entities,
                                   const std::string& id) {
  const auto found = entities.find(id);
  if (found == entities.end()) return std::nullopt;
  return events::to_hex(actors::state_hash(found->second));
}

template <class State>
void add_all(events::sha256& digest, const std::map<std::string, State>& entities,
             std::string (*stream_of)(const std::string&)) {
  using namespace std::string_view_literals;
  for (const auto& [id, state] : entities)
    digest.update(stream_of(id)).update("\0"sv).update(actors::state_hash(state));
}

}  // namespace

std::optional<state_line> line_of(const actors::world& after, const events::envelope& event) {
  const auto slash = event.stream.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto id = event.stream.substr(slash + 1);
  std::optional<std::string> hash;
  if (event.stream == actors::template_stream(id)) hash = hash_in(after.templates, id);
  if (event.stream == actors::instance_stream(id)) hash = hash_in(after.instances, id);
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

std::string world_hash(const actors::world& all) {
  events::sha256 digest;
  add_all(digest, all.templates, actors::template_stream);
  add_all(digest, all.instances, actors::instance_stream);
  return events::to_hex(digest.finish());
}

}  // namespace platen::cli
