// The certificates that clients brought, as a scope sees them. Thread-safe.
#pragma once

#include <vector>

#include "http/gateway/certificate_store.hpp"
#include "http/scope/scope.hpp"

namespace platen::http {

class scoped_certificates {
 public:
  // `all` must outlive it.
  scoped_certificates(gateway::certificate_store& all, scope of)
      : all_(all), scope_(std::move(of)) {}

  // Null if the scope has none such.
  actors::certificate_ptr find(const actors::reference& which) const;
  std::vector<actors::certificate_ptr> all() const;  // oldest first

  tl::expected<actors::certificate_ptr, actors::rejection> add(
      gateway::certificate_store::upload what, events::cause why);
  tl::expected<actors::certificate_ptr, actors::rejection> remove(const std::string& id,
                                                                  events::cause why);

  // The same for all scopes: its certificate is public.
  gateway::local_ca& ca() { return all_.ca(); }

 private:
  gateway::certificate_store& all_;
  const scope scope_;
};

}  // namespace platen::http
