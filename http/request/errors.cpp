#include "http/request/errors.hpp"

namespace platen::http {

using kind = actors::rejection::kind;

item_code code_of(kind what) {
  switch (what) {
    case kind::not_found:
      return item_code::not_found;
    case kind::name_taken:
      return item_code::already_exists;
    case kind::invalid:
      return item_code::invalid;
    case kind::wrong_state:
      return item_code::wrong_state;
    case kind::locked:
      return item_code::not_allowed;
    case kind::quota:
      return item_code::quota;
    case kind::busy:
      return item_code::too_many;
    case kind::attached:
      return item_code::attached;
    case kind::mismatch:
      return item_code::certificate_mismatch;
    case kind::unavailable:
      break;
  }
  return item_code::failed_operation;
}

bool concerns_whole_request(kind what) {
  return what == kind::busy || what == kind::unavailable;
}

request_error whole_request(const actors::rejection& why) {
  if (why.what == kind::busy) return {429, why.message, 1};
  return {503, why.message, 5};
}

}  // namespace platen::http
