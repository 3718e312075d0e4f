// Certificates that clients brought: their events in the log, their chains and keys in files. And
// which one a domain gets: the one that was chosen for it, one that fits, or a leaf of the local
// CA. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tl/expected.hpp>

#include "actors/certificates.hpp"
#include "http/gateway/certificate_files.hpp"
#include "http/gateway/local_ca.hpp"
#include "http/gateway/tls.hpp"

namespace platen::gateway {

class certificate_store {
 public:
  // `directory` gets certificates/ and ca/; files there that no event names are removed.
  static tl::expected<std::unique_ptr<certificate_store>, std::string> open(
      const std::filesystem::path& directory, actors::certificate_book& book,
      std::function<std::int64_t()> now_us);

  struct upload {
    std::string id;    // UUID
    std::string name;  // as in the log; without one of its own: made from the id
    std::string chain;
    std::string key;
  };
  // Refused: what is unparsable, has expired, has no domain, or a key that does not fit. Blocking.
  tl::expected<actors::certificate_ptr, actors::rejection> add(upload what, events::cause why);
  tl::expected<actors::certificate_ptr, actors::rejection> remove(const std::string& id,
                                                                  events::cause why);
  const actors::certificate_book& book() const { return book_; }
  local_ca& ca() { return *ca_; }

  // True if one of its names is the domain or the wildcard above it.
  static bool covers(const actors::certificate& one, const std::string& domain);

  struct chosen {
    std::shared_ptr<const tls_identity> identity;
    std::int64_t renew_at_us = 0;  // 0: never
  };
  // `wanted`: the UUID of a certificate, or empty. Only certificates of the scope are looked at.
  tl::expected<chosen, std::string> identity_for(const std::string& domain,
                                                 const std::string& wanted,
                                                 std::string_view scope = "");
  // Forgets the local CA's leaves for all other domains.
  void retain_leaves(const std::set<std::string>& domains);

 private:
  certificate_store(actors::certificate_book& book, certificate_files files,
                    std::unique_ptr<local_ca> ca, std::function<std::int64_t()> now_us)
      : book_(book), files_(std::move(files)), ca_(std::move(ca)), now_us_(std::move(now_us)) {}

  actors::certificate_ptr fitting(const std::string& domain, const std::string& wanted,
                                  std::string_view scope) const;

  actors::certificate_book& book_;
  certificate_files files_;
  std::unique_ptr<local_ca> ca_;
  std::function<std::int64_t()> now_us_;
  std::mutex mutex_;
  bool cleaned_ = false;                // of leaves from before this start
  std::map<std::string, chosen> made_;  // by "id " and UUID, or "leaf " and domain
};

}  // namespace platen::gateway
