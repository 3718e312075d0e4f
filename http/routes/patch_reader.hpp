// The items of a PATCH: a property, what to do with it, and the value.
#pragma once

#include <string>

#include "actors/instance/decide.hpp"
#include "actors/template/decide.hpp"
#include "http/request/object_reader.hpp"

namespace platen::http {

template <class Change>
struct patch_item {
  std::string id;  // given back in the answer
  Change what;
};

// Read `id`, `prop`, `op` and `value`; problems are reported.
void read_patch(object_reader& item, patch_item<actors::instance::change>& into);
void read_patch(object_reader& item, patch_item<actors::vm_template::change>& into);

}  // namespace platen::http
