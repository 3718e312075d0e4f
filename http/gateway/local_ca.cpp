#include "http/gateway/local_ca.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace platen::gateway {

namespace {

constexpr std::int64_t day_us = 86'400ll * 1'000'000;

std::string host_name() {
  std::array<char, 65> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "this machine";
  return name.data();
}

}  // namespace

tl::expected<std::unique_ptr<local_ca>, std::string> local_ca::open(
    const std::filesystem::path& directory, std::function<std::int64_t()> now_us) {
  auto own = certificate_files::open(directory);
  if (!own) return tl::unexpected(own.error());
  auto leaves = certificate_files::open(directory / "leaf");
  if (!leaves) return tl::unexpected(leaves.error());
  return std::unique_ptr<local_ca>(
      new local_ca(std::move(*own), std::move(*leaves), std::move(now_us)));
}

tl::expected<key_and_certificate, std::string> local_ca::authority() {
  if (auto kept = own_.read("ca")) return *std::move(kept);
  auto made = make_ca("Platen local CA on " + host_name(), ca_days);
  if (auto written = own_.write("ca", made); !written) return tl::unexpected(written.error());
  return made;
}

tl::expected<std::string, std::string> local_ca::certificate() {
  const std::lock_guard guard(mutex_);
  return authority().map([](const auto& one) { return one.certificate; });
}

tl::expected<local_ca::leaf, std::string> local_ca::leaf_for(const std::string& domain) {
  const std::lock_guard guard(mutex_);
  const auto ca = authority();
  if (!ca) return tl::unexpected(ca.error());
  if (const auto kept = leaves_.read(domain)) {
    const auto facts = facts_of(kept->certificate);
    const auto renew_at_us = facts ? facts->not_after_us - renew_days * day_us : 0;
    // A leaf of an authority that was replaced is of no use.
    const auto own = facts_of(ca->certificate);
    if (renew_at_us > now_us_() && own && facts->issuer == own->subject)
      return leaf{*kept, renew_at_us};
  }
  auto made = make_leaf(domain, leaf_days, *ca);
  if (!made) return tl::unexpected(made.error());
  if (auto written = leaves_.write(domain, *made); !written) return tl::unexpected(written.error());
  return leaf{*std::move(made), now_us_() + (leaf_days - renew_days) * day_us};
}

void local_ca::retain(const std::set<std::string>& domains) {
  const std::lock_guard guard(mutex_);
  leaves_.retain([&](const std::string& domain) { return domains.contains(domain); });
}

}  // namespace platen::gateway
