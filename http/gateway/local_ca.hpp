// The certificate authority of this installation, for domains that nobody brought a certificate
// for. Made when it is first needed; leaves are kept until they are renewed. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tl/expected.hpp>

#include "http/gateway/certificate_files.hpp"

namespace platen::gateway {

inline constexpr std::int64_t ca_days = 3650;
inline constexpr std::int64_t leaf_days = 90;
inline constexpr std::int64_t renew_days = 30;  // before its end a leaf is replaced

class local_ca {
 public:
  // `directory` gets ca.pem and leaf/<domain>.pem. `now_us`: wall clock.
  static tl::expected<std::unique_ptr<local_ca>, std::string> open(
      const std::filesystem::path& directory, std::function<std::int64_t()> now_us);

  // PEM, for clients to trust.
  tl::expected<std::string, std::string> certificate();

  struct leaf {
    key_and_certificate pem;
    std::int64_t renew_at_us = 0;
  };
  tl::expected<leaf, std::string> leaf_for(const std::string& domain);
  // Removes the leaves of all other domains.
  void retain(const std::set<std::string>& domains);

 private:
  local_ca(certificate_files own, certificate_files leaves, std::function<std::int64_t()> now_us)
      : own_(std::move(own)), leaves_(std::move(leaves)), now_us_(std::move(now_us)) {}

  tl::expected<key_and_certificate, std::string> authority();

  std::mutex mutex_;
  certificate_files own_;
  certificate_files leaves_;
  std::function<std::int64_t()> now_us_;
};

}  // namespace platen::gateway
