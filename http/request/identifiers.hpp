// Random UUIDs and the ids of requests.
#pragma once

#include <string>
#include <string_view>

namespace platen::http {

std::string random_uuid();  // version 4

// The client's X-Request-Id if it is 1 to 128 characters of [A-Za-z0-9._-], else a fresh UUID.
std::string request_id_from(std::string_view header);

}  // namespace platen::http
