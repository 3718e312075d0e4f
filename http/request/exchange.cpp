#include "http/request/exchange.hpp"

#include "http/request/identifiers.hpp"

namespace platen::http {

exchange& exchange::of_this_thread() {
  thread_local exchange current;
  return current;
}

void exchange::begin(std::string_view request_id_header) {
  end();
  request_id_ = request_id_from(request_id_header);
  principal_.clear();
  refusal_.reset();
  began_ = std::chrono::steady_clock::now();
}

void exchange::end() {
  body_memory_.reset();
}

void exchange::answer(httplib::Response& with, reply what) const {
  const auto took = std::chrono::steady_clock::now() - began_;
  what.body["op_time_us"] = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  with.status = what.status;
  if (what.retry_after_s) with.set_header("Retry-After", std::to_string(*what.retry_after_s));
  // Output of guests is shown in answers and need not be UTF-8; the default handler throws then.
  if (what.status == 401) with.set_header("WWW-Authenticate", "Bearer");
  with.set_content(what.body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace),
                   "application/json");
}

}  // namespace platen::http
