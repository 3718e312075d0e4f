// What can be changed about a service group, and the rules of it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "events/event.hpp"

namespace platen::actors::service_group {

inline constexpr std::size_t services_limit = 16;
inline constexpr std::size_t domains_limit = 32;
inline constexpr std::uint32_t highest_limit = 65535;

struct settings {
  std::vector<events::service> services;
  std::vector<events::domain> domains;
  std::uint32_t soft_limit = 1;              // in flight at one instance: another is preferred
  std::uint32_t hard_limit = highest_limit;  // in flight at one instance: no more are sent
  std::uint64_t autokill_ms = 0;             // after it became empty; 0: never
  friend bool operator==(const settings&, const settings&) = default;
};

// One change that a client asks for.
struct edit {
  enum class property { services, domains, soft_limit, hard_limit, autokill };
  enum class operation { set, add, del };
  property what = property::services;
  operation how = operation::set;
  settings value;                    // the members that `what` names
  std::vector<std::uint16_t> ports;  // of services to delete; none: all of them
  std::vector<std::string> names;    // of domains to delete; none: all of them
};

settings apply(settings to, const edit& change);

// What is wrong with one service on its own: one sentence that begins with the member's name.
std::optional<std::string> fault_of(const events::service& one);
// What is wrong with all of it.
std::optional<std::string> fault_of(const settings& all);

// Handlers that are not given: those that the port must have.
std::vector<std::string> usual_handlers(std::uint16_t port);

bool has_handler(const events::service& one, std::string_view handler);

// A name ending in '.' is complete; any other is below `base`. Lower case, without a final dot.
std::string full_domain(const std::string& name, const std::string& base);

// Below which the domains of a scope are that are not complete: a domain of its own below `base`.
std::string base_domain_of(const std::string& base, std::string_view scope);

// Whether a group of the scope may have the domain, which is complete: everything below `base`
// belongs to the operator but what is below the scope's own domain.
bool may_have(std::string_view scope, std::string_view domain, const std::string& base);

// Labels of 1 to 63 characters of a-z, 0-9 and '-', at most 253 in all; the first may be '*'.
bool is_domain(std::string_view name);

}  // namespace platen::actors::service_group
