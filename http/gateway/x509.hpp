// Certificates and keys outside of TLS: what one says, and making new ones. PEM in, PEM out.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace platen::gateway {

struct certificate_facts {
  std::string subject;  // its common name; without one, the whole name
  std::string issuer;
  std::string serial;                // lower-case hex
  std::vector<std::string> domains;  // DNS names it is for, lower case
  std::int64_t not_before_us = 0;
  std::int64_t not_after_us = 0;
};

// Of the first certificate in a chain.
tl::expected<certificate_facts, std::string> facts_of(const std::string& chain);

struct key_and_certificate {
  std::string key;
  std::string certificate;
};

// EC P-256. Random serial, valid from an hour ago.
key_and_certificate make_ca(const std::string& common_name, std::int64_t days);
// The error is one sentence.
tl::expected<key_and_certificate, std::string> make_leaf(const std::string& domain,
                                                         std::int64_t days,
                                                         const key_and_certificate& issuer);

}  // namespace platen::gateway
