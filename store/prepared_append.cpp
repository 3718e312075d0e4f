#include "store/prepared_append.hpp"

#include <algorithm>

namespace platen::store {

namespace {

tl::unexpected<error> refuse(error::kind what, std::string message) {
  return tl::unexpected(error{what, std::move(message)});
}

bool is_printable(char c) {
  return c > ' ' && c <= '~';
}

std::string over(std::string_view field, std::size_t actual, std::size_t limit,
                 std::string_view unit) {
  return std::string(field) + ": " + std::to_string(actual) + " " + std::string(unit) +
         ", the limit is " + std::to_string(limit);
}

result<void> check(const append_request& request) {
  const auto& name = request.stream;
  if (name.empty() || name.size() > stream_name_limit ||
      !std::all_of(name.begin(), name.end(), is_printable))
    return refuse(error::kind::invalid, "stream: must be 1 to " +
                                            std::to_string(stream_name_limit) +
                                            " printable ASCII characters without spaces");
  if (request.what.empty())
    return refuse(error::kind::invalid, "what: there must be at least one event");
  if (request.what.size() > request_events_limit)
    return refuse(error::kind::too_large,
                  over("what", request.what.size(), request_events_limit, "events"));
  for (const auto* const text : {&request.why.request_id, &request.why.principal})
    if (text->size() > cause_text_limit)
      return refuse(error::kind::too_large,
                    over(text == &request.why.principal ? "why.principal" : "why.request_id",
                         text->size(), cause_text_limit, "bytes"));
  return {};
}

}  // namespace

result<prepared_append> prepare(const append_request& request) {
  if (auto checked = check(request); !checked) return tl::unexpected(checked.error());
  prepared_append prepared{
      request.stream, request.expected_version, request.why, request.time_us, {}, 0};
  prepared.what.reserve(request.what.size());
  for (const auto& event : request.what) {
    const auto& encoded = prepared.what.emplace_back(events::encode_payload(event));
    if (encoded.bytes.size() > event_bytes_limit)
      return refuse(error::kind::too_large, over("what (" + encoded.type + ")",
                                                 encoded.bytes.size(), event_bytes_limit, "bytes"));
    if (encoded.type.empty() || encoded.type.size() > stream_name_limit)
      return refuse(error::kind::invalid, "what: an unknown_event must have a type of 1 to " +
                                              std::to_string(stream_name_limit) + " bytes");
    prepared.bytes += encoded.bytes.size();
  }
  if (prepared.bytes > request_bytes_limit)
    return refuse(error::kind::too_large,
                  over("what", prepared.bytes, request_bytes_limit, "bytes"));
  return prepared;
}

}  // namespace platen::store
