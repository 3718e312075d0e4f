// PATCH of instances and templates: each item changes one property of one of them.
#pragma once

#include "http/routes/bulk_command.hpp"
#include "http/routes/lookup.hpp"
#include "http/routes/patch_reader.hpp"

namespace platen::http {

// `send` is called with the uuid, the change and the callback of each target that exists.
template <class Kind, class Change, class Send>
answer_or_error<reply> patch_all(api& with, const api_request& request, Send send) {
  using item = patch_item<Change>;
  const auto targets = target_list<item>::read(
      source_of(with, request), [](query_reader&, item&) {},
      [](object_reader& reader, item& into) { read_patch(reader, into); });
  if (!targets) return tl::unexpected(targets.error());
  if (is_blank(request.http.body))
    return tl::unexpected(
        request_error{400, "the request body must say which property to change", {}});
  const auto all =
      command_all<Kind>(with, *targets, [&](const std::string& uuid, const item& one, auto done) {
        send(uuid, one.what, std::move(done));
      });
  if (!all) return tl::unexpected(all.error());
  item_list items("instances");
  for (const auto& one : *all) {
    auto fields = one.before ? basics(*one.before) : to_json(one.of.which);
    if (!one.of.options.id.empty()) fields["id"] = one.of.options.id;
    if (one.after)
      items.succeeded(std::move(fields));
    else
      add_refused(items, std::move(fields), one.after.error());
  }
  return std::move(items).finish();
}

}  // namespace platen::http
