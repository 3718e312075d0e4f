// Template descriptions in files: what the API's `template` block says, read, hashed and merged
// without asking the daemon. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/platen/outcome.hpp"

namespace platen::cli {

// The create_args in a file that holds them, a template block around them, or a whole body of
// POST /v1/instances. The failure says what the file lacks.
result<nlohmann::json> create_args_in(const nlohmann::json& file);

// The first 16 hexadecimal digits of the SHA-256 of the canonical form: members in the order of
// their names, no white space. Equal create_args give equal names, whoever wrote them.
std::string hash_name(const nlohmann::json& create_args);

// One level of a nested template, or the instance itself, with all that it has from below.
struct rendered_level {
  std::string what;  // "template 'web'", "instance"
  nlohmann::json effective;
};

// From the innermost level outward. `body` is one of POST /v1/instances.
result<std::vector<rendered_level>> render(const nlohmann::json& body);

}  // namespace platen::cli
