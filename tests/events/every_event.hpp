// Events of every type, made from the schema itself, so that a field or an event added tomorrow is
// tested without anybody thinking of it.
#pragma once

#include <flatbuffers/idl.h>

#include <memory>
#include <string>
#include <vector>

#include "events/event.hpp"

namespace platen::events::testing {

// The schema, parsed.
std::unique_ptr<flatbuffers::Parser> parse_schema();

struct filling {
  std::string text;          // what every string holds
  std::size_t elements = 2;  // of every list
  bool largest = true;       // integers: the largest their type has; else 1
};

// One event of each type in the schema, every field filled.
std::vector<event> every_event(const filling& with);

// With content that formats like to trip over: control characters, quotes, NUL, emoji, bytes that
// are not UTF-8.
std::vector<event> every_awkward_event();

}  // namespace platen::events::testing
