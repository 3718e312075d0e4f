// GET .../log of instances and templates: the output of a VM, piece by piece.
#pragma once

#include <algorithm>

#include "http/request/base64.hpp"
#include "http/request/targets.hpp"
#include "http/routes/api.hpp"
#include "http/routes/entity_kind.hpp"
#include "http/routes/lookup.hpp"
#include "http/view/public_state.hpp"

namespace platen::http {

// The most one item carries; greater limits are reduced to it and `range` says what was read.
inline constexpr std::int64_t output_bytes_limit = 64 * 1024;
inline constexpr std::int64_t output_bytes_default = 4096 * 4 - 1;

struct output_wish {
  std::int64_t offset = 0;  // negative: from the end
  std::int64_t limit = output_bytes_default;
  hypervisor::driver::log_kind kind = hypervisor::driver::log_kind::workload;
};

template <class Reader>
void read_output_wish(Reader& reader, output_wish& into) {
  into.offset = reader.integer("offset", INT64_MIN, INT64_MAX).value_or(into.offset);
  const auto limit = reader.integer("limit", 1, INT64_MAX).value_or(into.limit);
  into.limit = std::min(limit, output_bytes_limit);
  if (const auto kind = reader.text("kind", 16)) {
    if (*kind == "console")
      into.kind = hypervisor::driver::log_kind::console;
    else if (*kind == "workload")
      into.kind = hypervisor::driver::log_kind::workload;
    else
      reader.report("kind", "must be 'workload' or 'console'");
  }
}

inline json_object output_json(const hypervisor::log_chunk& chunk) {
  json_object into{{"output", to_base64(chunk.bytes)}};
  into["available"] = {{"start", 0}, {"end", chunk.available}};
  const auto begin = chunk.bytes.empty() ? 0 : chunk.begin;
  into["range"] = {{"start", begin}, {"end", begin + chunk.bytes.size()}};
  return into;
}

template <class Kind>
answer_or_error<reply> read_output(api& with, const api_request& request) {
  using list = target_list<output_wish>;
  const auto targets = list::read(source_of(with, request), read_output_wish<query_reader>,
                                  read_output_wish<object_reader>);
  if (!targets) return tl::unexpected(targets.error());
  if (targets->empty()) return tl::unexpected(no_target(Kind::noun));
  item_list items("instances");
  for (const auto& [which, wish] : *targets) {
    const auto found = Kind::find(with.on.control, which);
    if (!found) {
      items.failed(to_json(which), missing(Kind::noun, which), item_code::not_found);
      continue;
    }
    const auto chunk = with.on.control.read_log(found->id, wish.kind, wish.offset,
                                                static_cast<std::uint64_t>(wish.limit));
    auto fields = basics(*found);
    fields.update(output_json(chunk));
    fields["state"] = public_state(found->phase);
    items.succeeded(std::move(fields));
  }
  return std::move(items).finish();
}

}  // namespace platen::http
