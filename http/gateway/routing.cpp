#include "http/gateway/routing.hpp"

#include <algorithm>

namespace platen::gateway {

namespace {

// Spreads ties: the search begins elsewhere each time.
std::size_t next_start() {
  static thread_local std::size_t start = 0;
  return start++;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// It has got all the requests that it is to get.
bool is_used_up(const ready_backend& one) {
  return one.at.most_requests != 0 &&
         one.load->taken.load(std::memory_order_relaxed) >= one.at.most_requests;
}

void give_place_back(backend_load& at, const hooks& tell) {
  if (at.in_flight.fetch_sub(1) == 1 && tell.activity) tell.activity(at.instance_id, false);
}

// False if others took the last places meanwhile.
bool take_place(const ready_backend& of, std::uint32_t hard_limit, const hooks& tell) {
  auto& at = *of.load;
  const auto before = at.in_flight.fetch_add(1);
  if (before >= hard_limit) {
    give_place_back(at, tell);
    return false;
  }
  const auto taken = at.taken.fetch_add(1, std::memory_order_relaxed);
  if (of.at.most_requests != 0 && taken >= of.at.most_requests) {
    at.taken.fetch_sub(1, std::memory_order_relaxed);
    give_place_back(at, tell);
    return false;
  }
  if (before == 0 && tell.activity) tell.activity(at.instance_id, true);
  const auto step = of.at.count_step;
  if (step != 0 && (taken + 1) % step == 0 && tell.counted) tell.counted(at.instance_id);
  return true;
}

ready_listener make_ready(listener from, load_book& loads,
                          const std::vector<certificate>& certificates) {
  ready_listener made;
  made.port = from.port;
  made.public_port = from.public_port;
  made.speaks = from.speaks;
  for (auto& one : from.routes) {
    auto& added = made.routes.emplace_back();
    for (auto& at : one.backends)
      added.backends.push_back({at, loads.of(at.instance_id, at.taken_before)});
    added.of = std::move(one);
    added.of.backends.clear();
  }
  for (const auto& one : made.routes)
    for (const auto& domain : one.of.domains)
      made.by_domain.emplace(domain, &one);
  for (const auto& one : certificates)
    for (const auto& domain : one.domains)
      if (made.by_domain.contains(domain)) made.certificates.emplace(domain, one.identity);
  return made;
}

}  // namespace

void lease::give_back() {
  if (const auto of = std::exchange(of_, nullptr)) give_place_back(*of, *tell_);
}

const ready_route* ready_listener::find(const std::string& domain) const {
  if (speaks == protocol::tcp) return routes.empty() ? nullptr : &routes.front();
  const auto found = find_domain(by_domain, domain);
  return found == by_domain.end() ? nullptr : found->second;
}

const tls_identity* ready_listener::without_name() const {
  if (routes.size() != 1 || certificates.empty()) return nullptr;
  return certificates.begin()->second.get();
}

std::shared_ptr<backend_load> load_book::of(const std::string& instance_id,
                                            std::uint64_t taken_before) {
  const std::lock_guard guard(mutex_);
  auto& kept = loads_[instance_id];
  auto found = kept.lock();
  if (!found) {
    found = std::make_shared<backend_load>();
    found->instance_id = instance_id;
    found->taken = taken_before;
    kept = found;
  }
  return found;
}

void load_book::forget_unused() {
  const std::lock_guard guard(mutex_);
  std::erase_if(loads_, [](const auto& entry) { return entry.second.expired(); });
}

std::vector<load> load_book::all() const {
  const std::lock_guard guard(mutex_);
  std::vector<load> made;
  for (const auto& [id, kept] : loads_)
    if (const auto one = kept.lock())
      made.push_back({id, one->in_flight, one->taken, one->passed_through,
                      std::chrono::steady_clock::time_point(
                          std::chrono::steady_clock::duration(one->last_byte.load()))});
  return made;
}

std::shared_ptr<const ready_table> make_ready(table from, load_book& loads) {
  auto made = std::make_shared<ready_table>();
  // Pointers to routes stay good: they lie in vectors that move as a whole.
  for (auto& one : from.listeners) {
    const auto port = one.port;
    made->listeners[port] = make_ready(std::move(one), loads, from.certificates);
  }
  loads.forget_unused();
  return made;
}

picked pick(const ready_route& from, const std::vector<std::string>& tried, const hooks& tell) {
  picked result;
  const auto count = from.backends.size();
  const auto start = count == 0 ? 0 : next_start() % count;
  // Another worker may take the place that was found; then the search is repeated.
  for (std::size_t round = 0; round <= count; ++round) {
    const ready_backend* best = nullptr;
    std::uint32_t least = 0;
    bool running = false;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& one = from.backends[(start + i) % count];
      if (one.at.draining || is_used_up(one)) continue;
      if (!tried.empty() && contains(tried, place_of(one.at))) continue;
      running = true;
      const auto busy = one.load->in_flight.load(std::memory_order_relaxed);
      if (busy >= from.of.hard_limit || (best != nullptr && busy >= least)) continue;
      best = &one;
      least = busy;
    }
    result.what = running ? picked::kind::full : picked::kind::none;
    if (best == nullptr) return result;
    if (!take_place(*best, from.of.hard_limit, tell)) continue;
    return {picked::kind::backend, best, lease(best->load, &tell), least >= from.of.soft_limit};
  }
  return result;
}

std::string place_of(const backend& at) {
  return at.address + ":" + std::to_string(at.port);
}

}  // namespace platen::gateway
