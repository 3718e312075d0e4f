#include "tools/platen/log/words.hpp"

#include <algorithm>

namespace platen::cli {

std::int64_t span_us(std::int64_t from_us, std::int64_t to_us) {
  return std::max<std::int64_t>(to_us - from_us, 0);
}

std::string caused_by(const events::cause& why) {
  using events::origin;
  const auto request = why.request_id.empty() ? "" : "request " + why.request_id;
  if (why.principal != "platend" && !why.principal.empty())
    return "by " + why.principal + " (" + std::string(events::to_string(why.source)) +
           (request.empty() ? "" : ", " + request) + ")";
  const auto on_behalf = request.empty() ? "" : " for " + request;
  switch (why.source) {
    case origin::reconcile:
      return "by the daemon after its restart" + on_behalf;
    case origin::timer:
      return "by a timer" + on_behalf;
    case origin::guest:
      return "by the guest" + on_behalf;
    default:
      return request.empty() ? "by the daemon" : "for " + request;
  }
}

}  // namespace platen::cli
