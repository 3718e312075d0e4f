// The names of all templates and instances a log has seen, so that people may say "template/web"
// where the log says "template/<uuid>". Filled by folding; pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "events/envelope.hpp"
#include "tools/platen/outcome.hpp"

namespace platen::cli {

struct known_entity {
  std::string kind;  // "template", "instance"
  std::string uuid;
  std::string name;  // empty: anonymous
  bool deleted = false;

  std::string stream() const { return kind + "/" + uuid; }
};

// Grows by one entry an entity. Not thread-safe.
class name_book {
 public:
  // Events are taken in the order of the log; those that name or delete nothing are passed over.
  void note(const events::envelope& event);
  void add(known_entity entity);

  // "template/web"; the stream itself where it has no name here.
  std::string label(const std::string& stream) const;

  // The entity of a stream; nullptr if it is not known.
  const known_entity* find(const std::string& stream) const;

  // All entities of this kind (empty: of any) with exactly this name, oldest first.
  std::vector<known_entity> named(const std::string& kind, const std::string& name) const;

  // All entities of this kind (empty: of any) whose UUID begins like this; at least 4 characters.
  std::vector<known_entity> with_uuid(const std::string& kind, const std::string& prefix) const;

  // "; did you mean 'web'?", or nothing if no name of this kind is near.
  std::string suggestion(const std::string& kind, const std::string& name) const;

 private:
  std::map<std::string, known_entity> by_stream_;
  std::vector<std::string> order_;  // streams, oldest first
};

// The streams that a --stream option means: a whole stream name, a pattern "template/*", or
// KIND/NAME for all entities that ever had that name, or KIND/ and the beginning of a UUID.
result<std::vector<std::string>> streams_meant(const name_book& names, const std::string& text);

}  // namespace platen::cli
