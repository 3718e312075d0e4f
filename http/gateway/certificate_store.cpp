#include "http/gateway/certificate_store.hpp"

#include <algorithm>

#include "actors/scoped_name.hpp"
#include "events/hash.hpp"

namespace platen::gateway {

namespace {

using actors::rejection;
using kind = rejection::kind;

}  // namespace

tl::expected<std::unique_ptr<certificate_store>, std::string> certificate_store::open(
    const std::filesystem::path& directory, actors::certificate_book& book,
    std::function<std::int64_t()> now_us) {
  auto files = certificate_files::open(directory / "certificates");
  if (!files) return tl::unexpected(files.error());
  auto ca = local_ca::open(directory / "ca", now_us);
  if (!ca) return tl::unexpected(ca.error());
  files->retain([&](const std::string& name) { return book.by_id(name) != nullptr; });
  return std::unique_ptr<certificate_store>(
      new certificate_store(book, *std::move(files), *std::move(ca), std::move(now_us)));
}

tl::expected<actors::certificate_ptr, rejection> certificate_store::add(upload what,
                                                                        events::cause why) {
  const auto facts = facts_of(what.chain);
  if (!facts) return actors::refuse(kind::invalid, "'chain' " + facts.error());
  if (const auto fits = tls_identity::from_pem(what.chain, what.key); !fits)
    return actors::refuse(kind::invalid, "'pkey' cannot be used: " + fits.error());
  if (facts->not_after_us <= now_us_())
    return actors::refuse(kind::invalid, "'chain' has a certificate that has expired");
  if (facts->domains.empty())
    return actors::refuse(kind::invalid,
                          "'chain' has a certificate without a DNS name (subjectAltName)");
  events::certificate_added event;
  event.id = what.id;
  event.name = what.name;
  if (actors::is_unnamed(event.name)) event.name += "certificate-" + what.id.substr(0, 8);
  event.subject = facts->subject;
  event.issuer = facts->issuer;
  event.serial = facts->serial;
  event.domains = facts->domains;
  event.not_before_us = facts->not_before_us;
  event.not_after_us = facts->not_after_us;
  event.chain_sha256 = events::to_hex(events::sha256_of(what.chain));
  // The file is durable before the event names it.
  if (const auto written = files_.write(what.id, {what.key, what.chain}); !written)
    return actors::refuse(kind::unavailable, "the certificate was not kept: " + written.error());
  auto added = book_.add(std::move(event), std::move(why));
  if (!added) files_.remove(what.id);
  return added;
}

tl::expected<actors::certificate_ptr, rejection> certificate_store::remove(const std::string& id,
                                                                           events::cause why) {
  auto removed = book_.remove(id, std::move(why));
  if (!removed) return removed;
  files_.remove(id);
  const std::lock_guard guard(mutex_);
  made_.erase("id " + id);
  return removed;
}

bool certificate_store::covers(const actors::certificate& one, const std::string& domain) {
  const auto dot = domain.find('.');
  const auto wildcard = dot == std::string::npos ? std::string() : "*" + domain.substr(dot);
  const auto& names = one.facts.domains;
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& name) { return name == domain || name == wildcard; });
}

// Of several that fit, the one that is valid longest.
actors::certificate_ptr certificate_store::fitting(const std::string& domain,
                                                   const std::string& wanted,
                                                   std::string_view scope) const {
  if (!wanted.empty()) return book_.by_id(wanted);
  actors::certificate_ptr best;
  for (const auto& one : book_.all()) {
    if (actors::scope_of(one->name) != scope) continue;
    if (!covers(*one, domain) || one->facts.not_after_us <= now_us_()) continue;
    if (!best || one->facts.not_after_us > best->facts.not_after_us) best = one;
  }
  return best;
}

tl::expected<certificate_store::chosen, std::string> certificate_store::identity_for(
    const std::string& domain, const std::string& wanted, std::string_view scope) {
  const auto own = fitting(domain, wanted, scope);
  const auto place = own ? "id " + own->id : "leaf " + domain;
  const std::lock_guard guard(mutex_);
  if (const auto kept = made_.find(place); kept != made_.end())
    if (own || kept->second.renew_at_us > now_us_()) return kept->second;
  key_and_certificate pem;
  chosen made;
  if (own) {
    const auto read = files_.read(own->id);
    if (!read) return tl::unexpected("the file of certificate '" + own->name + "' is not there");
    pem = *read;
  } else {
    auto leaf = ca_->leaf_for(domain);
    if (!leaf) return tl::unexpected(leaf.error());
    pem = std::move(leaf->pem);
    made.renew_at_us = leaf->renew_at_us;
  }
  auto identity = tls_identity::from_pem(pem.certificate, pem.key);
  if (!identity) return tl::unexpected("certificate for '" + domain + "': " + identity.error());
  made.identity = *std::move(identity);
  made_[place] = made;
  return made;
}

void certificate_store::retain_leaves(const std::set<std::string>& domains) {
  const std::string_view leaf = "leaf ";
  const std::lock_guard guard(mutex_);
  const auto forgotten = std::erase_if(made_, [&](const auto& entry) {
    return entry.first.starts_with(leaf) && !domains.contains(entry.first.substr(leaf.size()));
  });
  if (forgotten > 0 || !std::exchange(cleaned_, true)) ca_->retain(domains);
}

}  // namespace platen::gateway
