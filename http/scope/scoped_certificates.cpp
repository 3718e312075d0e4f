#include "http/scope/scoped_certificates.hpp"

#include <algorithm>

namespace platen::http {

using actors::certificate_ptr;
using actors::rejection;

certificate_ptr scoped_certificates::find(const actors::reference& which) const {
  const auto& book = all_.book();
  const auto found =
      which.uuid.empty() ? book.by_name(scope_.full(which.name)) : book.by_id(which.uuid);
  return found && scope_.has(found->name) ? scope_.shown(found) : nullptr;
}

std::vector<certificate_ptr> scoped_certificates::all() const {
  auto found = all_.book().all();
  std::erase_if(found, [&](const auto& one) { return !scope_.has(one->name); });
  for (auto& one : found)
    one = scope_.shown(std::move(one));
  return found;
}

tl::expected<certificate_ptr, rejection> scoped_certificates::add(
    gateway::certificate_store::upload what, events::cause why) {
  what.name = scope_.full(what.name);
  auto added = all_.add(std::move(what), std::move(why));
  if (!added) return tl::unexpected(scope_.shown(std::move(added.error())));
  return scope_.shown(*std::move(added));
}

tl::expected<certificate_ptr, rejection> scoped_certificates::remove(const std::string& id,
                                                                     events::cause why) {
  if (!find({id, ""}))
    return actors::refuse(rejection::kind::not_found, "No certificate with uuid '" + id + "'");
  auto removed = all_.remove(id, std::move(why));
  if (!removed) return tl::unexpected(scope_.shown(std::move(removed.error())));
  return scope_.shown(*std::move(removed));
}

}  // namespace platen::http
