// The JSON of a request, before anybody asks what it means.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>

#include "http/request/errors.hpp"

namespace platen::http {

inline constexpr std::size_t json_depth_limit = 64;

// Refuses what is not JSON, nests deeper than json_depth_limit or names a member twice. `what` is
// the subject of the error's sentence, "the request body".
tl::expected<nlohmann::json, request_error> parse_json(const std::string& text,
                                                       const std::string& what);

}  // namespace platen::http
