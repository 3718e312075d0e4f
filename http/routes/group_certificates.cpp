#include "http/routes/group_certificates.hpp"

#include "http/gateway/certificate_store.hpp"
#include "http/routes/entity_kind.hpp"

namespace platen::http {

std::optional<actors::rejection> choose_certificates(const api& with,
                                                     const std::vector<certificate_choice>& choices,
                                                     std::vector<events::domain>& domains) {
  using kind = actors::rejection::kind;
  for (const auto& choice : choices) {
    if (!with.certificates) return actors::rejection{kind::invalid, "this daemon has no gateway"};
    const auto found = with.certificates->find(choice.which);
    if (!found) return actors::rejection{kind::not_found, missing("certificate", choice.which)};
    const auto domain = actors::service_group::full_domain(choice.domain, with.how.base_domain);
    if (!gateway::certificate_store::covers(*found, domain))
      return actors::rejection{kind::mismatch, "certificate '" + found->name +
                                                   "' is for other names than '" + domain + "'"};
    for (auto& one : domains)
      if (one.name == choice.domain) one.certificate = found->id;
  }
  return std::nullopt;
}

}  // namespace platen::http
