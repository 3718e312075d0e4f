#include "actors/service/settings.hpp"

#include <algorithm>
#include <set>

namespace platen::actors::service_group {

namespace {

using property = edit::property;
using operation = edit::operation;

template <class T, class Same>
void merge(std::vector<T>& into, const std::vector<T>& from, Same same) {
  for (const auto& one : from) {
    std::erase_if(into, [&](const T& other) { return same(one, other); });
    into.push_back(one);
  }
}

bool same_port(const events::service& a, const events::service& b) {
  return a.port == b.port;
}
bool same_name(const events::domain& a, const events::domain& b) {
  return a.name == b.name;
}

void edit_services(settings& to, const edit& change) {
  if (change.how == operation::set) {
    to.services = change.value.services;
  } else if (change.how == operation::add) {
    merge(to.services, change.value.services, same_port);
  } else {
    const auto& gone = change.ports;
    std::erase_if(to.services, [&](const auto& one) {
      return gone.empty() || std::find(gone.begin(), gone.end(), one.port) != gone.end();
    });
  }
}

void edit_domains(settings& to, const edit& change) {
  if (change.how == operation::set) {
    to.domains = change.value.domains;
  } else if (change.how == operation::add) {
    merge(to.domains, change.value.domains, same_name);
  } else {
    const auto& gone = change.names;
    std::erase_if(to.domains, [&](const auto& one) {
      return gone.empty() || std::find(gone.begin(), gone.end(), one.name) != gone.end();
    });
  }
}

bool is_label(std::string_view label) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  constexpr std::size_t longest = 63;
  return !label.empty() && label.size() <= longest && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), plain);
}

}  // namespace

settings apply(settings to, const edit& change) {
  const bool gone = change.how == operation::del;
  const settings usual;
  switch (change.what) {
    case property::services:
      edit_services(to, change);
      break;
    case property::domains:
      edit_domains(to, change);
      break;
    case property::soft_limit:
      to.soft_limit = gone ? usual.soft_limit : change.value.soft_limit;
      break;
    case property::hard_limit:
      to.hard_limit = gone ? usual.hard_limit : change.value.hard_limit;
      break;
    case property::autokill:
      to.autokill_ms = gone ? usual.autokill_ms : change.value.autokill_ms;
      break;
  }
  return to;
}

bool has_handler(const events::service& one, std::string_view handler) {
  return std::find(one.handlers.begin(), one.handlers.end(), handler) != one.handlers.end();
}

std::vector<std::string> usual_handlers(std::uint16_t port) {
  if (port == 80) return {"http"};
  if (port == 443) return {"tls", "http"};
  return {};
}

std::optional<std::string> fault_of(const events::service& one) {
  const auto port = std::to_string(one.port);
  for (const auto& handler : one.handlers)
    if (handler != "tls" && handler != "http" && handler != "redirect")
      return "handlers must be of 'tls', 'http' and 'redirect'";
  const bool tls = has_handler(one, "tls");
  const bool http = has_handler(one, "http");
  if (has_handler(one, "redirect") && (one.port != 80 || one.destination_port != 443))
    return "handlers can have 'redirect' only on port 80 with destination_port 443";
  if (one.port == 80 && (!http || tls))
    return "handlers of port 80 must have 'http' and must not have 'tls'";
  if (one.port == 443 && (!http || !tls)) return "handlers of port 443 must have 'http' and 'tls'";
  if (one.port != 80 && one.port != 443 && http)
    return "handlers of port " + port + " must not have 'http': only ports 80 and 443 have it";
  return std::nullopt;
}

std::optional<std::string> fault_of(const settings& all) {
  if (all.services.empty()) return "services must have at least one service";
  if (all.services.size() > services_limit)
    return "services are more than " + std::to_string(services_limit);
  if (all.domains.size() > domains_limit)
    return "domains are more than " + std::to_string(domains_limit);
  std::set<std::uint16_t> ports;
  for (const auto& one : all.services) {
    if (const auto wrong = fault_of(one)) return wrong;
    if (!ports.insert(one.port).second)
      return "services have port " + std::to_string(one.port) + " more than once";
  }
  std::set<std::string> names;
  for (const auto& one : all.domains) {
    if (!is_domain(one.name)) return "domains have '" + one.name + "', which is not a domain name";
    if (!names.insert(one.name).second) return "domains have '" + one.name + "' more than once";
  }
  if (all.soft_limit < 1 || all.hard_limit < 1 || all.hard_limit > highest_limit)
    return "soft_limit and hard_limit must be from 1 to " + std::to_string(highest_limit);
  if (all.soft_limit > all.hard_limit) return "soft_limit must not be more than hard_limit";
  return std::nullopt;
}

std::string full_domain(const std::string& name, const std::string& base) {
  std::string made = name;
  std::transform(made.begin(), made.end(), made.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (!made.empty() && made.back() == '.') {
    made.pop_back();
    return made;
  }
  return made + "." + base;
}

std::string base_domain_of(const std::string& base, std::string_view scope) {
  return scope.empty() ? base : std::string(scope) + "." + base;
}

bool may_have(std::string_view scope, std::string_view domain, const std::string& base) {
  if (scope.empty() || domain.ends_with("." + base_domain_of(base, scope))) return true;
  const bool wildcard_over_base =
      domain.starts_with("*.") && base.ends_with(std::string(domain.substr(1)));
  return domain != base && !domain.ends_with("." + base) && !wildcard_over_base;
}

bool is_domain(std::string_view name) {
  constexpr std::size_t longest = 253;
  if (name.size() > longest) return false;
  bool first = true;
  while (true) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    const bool wildcard = first && label == "*" && dot != std::string_view::npos;
    if (!wildcard && !is_label(label)) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
    first = false;
  }
}

}  // namespace platen::actors::service_group
