#include "http/request/exchange.hpp"

#include "http/request/identifiers.hpp"

namespace platen::http {
namespace {

// Which Prometheus wants to see.
constexpr auto text_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

exchange& exchange::of_this_thread() {
  thread_local exchange current;
  return current;
}

void exchange::begin(std::string_view request_id_header) {
  end();
  request_id_ = request_id_from(request_id_header);
  caller_ = {};
  refusal_.reset();
  began_ = std::chrono::steady_clock::now();
}

void exchange::end() {
  body_memory_.reset();
}

rendered_reply exchange::render(reply what) const {
  if (what.text) return {what.status, *std::move(what.text), what.retry_after_s, text_type};
  const auto took = std::chrono::steady_clock::now() - began_;
  what.body["op_time_us"] = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  // Output of guests is shown in answers and need not be UTF-8; the default handler throws then.
  auto text = what.body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return {what.status, std::move(text), what.retry_after_s};
}

void exchange::send(httplib::Response& with, const rendered_reply& what) {
  with.status = what.status;
  if (what.retry_after_s) with.set_header("Retry-After", std::to_string(*what.retry_after_s));
  if (what.status == 401) with.set_header("WWW-Authenticate", "Bearer");
  if (what.replayed) with.set_header("Idempotent-Replayed", "true");
  with.set_content(what.body, what.content_type);
}

}  // namespace platen::http
