// What can be wrong with a request, and the numbers clients know it by.
#pragma once

#include <optional>
#include <string>

#include "actors/control_plane.hpp"

namespace platen::http {

// Codes of failed items, from the platform API (reference/unikraft-api.md §2.3).
enum class item_code {
  too_many = 5,
  invalid = 7,
  not_found = 8,
  failed_operation = 10,
  wrong_state = 11,
  not_allowed = 14,  // its delete lock is set
  attached = 15,
  quota = 19,
  already_exists = 23,
  certificate_mismatch = 30
};

// A fault of the whole request: nothing of it was carried out unless the message says so.
struct request_error {
  int status = 400;  // HTTP
  std::string message;
  std::optional<int> retry_after_s;
};

// Of a command on one item.
item_code code_of(actors::rejection::kind what);

// Those that are about the daemon and not about the item: busy is 429, unavailable is 503.
bool concerns_whole_request(actors::rejection::kind what);
request_error whole_request(const actors::rejection& why);

}  // namespace platen::http
