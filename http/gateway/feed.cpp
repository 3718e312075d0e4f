#include "http/gateway/feed.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "actors/wall_clock.hpp"

namespace platen::gateway {

namespace {

using actors::instance::lifecycle;
using actors::service_group::has_handler;

// A certificate that is due is renewed at the latest so long after it is.
constexpr std::chrono::hours longest_wait{1};

protocol speech_of(const events::service& one) {
  const bool tls = has_handler(one, "tls");
  const bool http = has_handler(one, "http");
  if (tls) return http ? protocol::https : protocol::tls;
  return http ? protocol::http : protocol::tcp;
}

bool is_coming(lifecycle phase) {
  return phase == lifecycle::waiting_for_template || phase == lifecycle::cloning ||
         phase == lifecycle::booting;
}

// Where an instance answers for a port in the guest; 0: it does not.
std::uint16_t host_port(const actors::instance::state& of, std::uint16_t destination) {
  for (const auto& one : of.spec.services)
    if (one.destination_port == destination && one.host_port != 0) return one.host_port;
  return 0;
}

// Autoscale makes an instance for a request that finds none.
bool may_scale_out(const actors::service_group::state& group) {
  if (!group.scaling) return false;
  if (!to_be_made(group).empty()) return true;
  const auto& policies = group.scaling->policies;
  const bool on_demand = std::any_of(policies.begin(), policies.end(), [](const auto& one) {
    return one.enabled && one.kind == "on_demand";
  });
  return on_demand && group.scaled.size() - group.leaving.size() < group.scaling->max_size;
}

using members = std::map<std::string, std::vector<actors::instance_ptr>>;  // by group

route route_of(const actors::service_group::state& group, const events::service& service,
               const std::vector<actors::instance_ptr>& instances) {
  route made;
  made.group_id = group.id;
  for (const auto& domain : group.how.domains)
    made.domains.push_back(domain.name);
  made.soft_limit = group.how.soft_limit;
  made.hard_limit = group.how.hard_limit;
  if (has_handler(service, "redirect")) made.redirect_to = service.destination_port;
  made.may_come = may_scale_out(group);
  for (const auto& one : instances) {
    const bool stopping = one->phase == lifecycle::stopping;
    made.may_come = made.may_come || is_coming(one->phase) || one->restart_at_us != 0;
    if (one->phase != lifecycle::running && !stopping) continue;
    const auto port = host_port(*one, service.destination_port);
    if (port != 0) made.backends.push_back({one->id, "127.0.0.1", port, stopping});
  }
  return made;
}

void add_certificates(built_table& into, certificate_store& certificates,
                      const actors::service_group::state& group) {
  for (const auto& domain : group.how.domains) {
    const auto chosen = certificates.identity_for(domain.name, domain.certificate);
    if (!chosen) {
      into.problems.push_back("service group '" + group.name + "': " + chosen.error());
      continue;
    }
    into.next.certificates.push_back({{domain.name}, chosen->identity});
    const auto due = chosen->renew_at_us;
    if (due != 0 && (into.renew_at_us == 0 || due < into.renew_at_us)) into.renew_at_us = due;
  }
}

}  // namespace

built_table make_table(const actors::control_plane& from, certificate_store& certificates,
                       std::uint16_t port_offset) {
  built_table made;
  members by_group;
  for (const auto& one : from.instances())
    if (!one->service_group_id.empty()) by_group[one->service_group_id].push_back(one);
  std::map<std::uint16_t, listener> listeners;
  for (const auto& group : from.groups()) {
    bool with_tls = false;
    for (const auto& service : group->how.services) {
      const auto port = std::uint32_t{service.port} + port_offset;
      if (port > 65535) {
        made.problems.push_back("service group '" + group->name + "': port " +
                                std::to_string(service.port) +
                                " cannot be served, gateway_port_offset moves it beyond 65535");
        continue;
      }
      auto& at = listeners[service.port];
      at.public_port = service.port;
      at.port = static_cast<std::uint16_t>(port);
      at.speaks = speech_of(service);
      at.routes.push_back(route_of(*group, service, by_group[group->id]));
      auto& redirect = at.routes.back().redirect_to;
      if (redirect != 0) redirect = static_cast<std::uint16_t>(redirect + port_offset);
      with_tls = with_tls || has_handler(service, "tls");
    }
    if (with_tls) add_certificates(made, certificates, *group);
  }
  for (auto& [port, one] : listeners)
    made.next.listeners.push_back(std::move(one));
  return made;
}

feed::feed(actors::control_plane& from, certificate_store& certificates,
           actors::certificate_book& book, gateway& to, std::uint16_t port_offset,
           std::function<void(const std::string&)> warn, std::function<void()> published)
    : from_(from),
      certificates_(certificates),
      book_(book),
      to_(to),
      port_offset_(port_offset),
      warn_(std::move(warn)),
      published_(std::move(published)) {
  from_.on_routing_change([this] { wake(); });
  book_.on_change([this] { wake(); });
  publish();
  thread_ = std::thread([this] { run(); });
}

feed::~feed() {
  from_.on_routing_change(nullptr);
  book_.on_change(nullptr);
  {
    const std::lock_guard guard(mutex_);
    ending_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

void feed::wake() {
  const std::lock_guard guard(mutex_);
  due_ = true;
  changed_.notify_one();
}

void feed::run() {
  while (true) {
    {
      std::unique_lock guard(mutex_);
      const auto wanted = [&] { return due_ || ending_; };
      // Wall clocks are set; so the wait for a renewal is not one long one.
      if (renew_at_us_ == 0)
        changed_.wait(guard, wanted);
      else
        while (!wanted() && actors::wall_clock_us() < renew_at_us_)
          changed_.wait_for(guard, longest_wait, wanted);
      if (ending_) return;
      due_ = false;
    }
    publish();
  }
}

void feed::publish() {
  auto made = make_table(from_, certificates_, port_offset_);
  std::set<std::string> domains;
  for (const auto& one : made.next.certificates)
    domains.insert(one.domains.begin(), one.domains.end());
  certificates_.retain_leaves(domains);
  for (const auto& one : to_.publish(std::move(made.next)))
    made.problems.push_back("the gateway cannot listen at port " + std::to_string(one.port) + ": " +
                            one.what);
  for (const auto& one : made.problems)
    if (std::find(told_.begin(), told_.end(), one) == told_.end()) warn_(one);
  told_ = std::move(made.problems);
  if (published_) published_();
  const std::lock_guard guard(mutex_);
  renew_at_us_ = made.renew_at_us;
}

}  // namespace platen::gateway
