#include "actors/service/groups.hpp"

#include <algorithm>
#include <cctype>

#include "actors/scoped_name.hpp"
#include "actors/service/actor.hpp"

namespace platen::actors {

namespace {

using kind = rejection::kind;
using service_group::settings;

// What a listener is to all groups that share it.
std::string speech_of(const events::service& one) {
  const bool tls = service_group::has_handler(one, "tls");
  const bool http = service_group::has_handler(one, "http");
  if (!tls && !http) return "tcp";
  return tls ? (http ? "https" : "tls") : "http";
}

std::optional<std::string> conflict(const settings& a, const settings& b) {
  for (const auto& mine : a.domains)
    for (const auto& other : b.domains)
      if (mine.name == other.name)
        return "domain '" + mine.name + "' belongs to another service group";
  for (const auto& mine : a.services)
    for (const auto& other : b.services) {
      if (mine.port != other.port) continue;
      const auto port = std::to_string(mine.port);
      if (speech_of(mine) != speech_of(other))
        return "port " + port + " has other handlers in another service group";
      if (speech_of(mine) == "tcp")
        return "port " + port +
               " is passed through to another service group: without 'tls' a port belongs to one";
    }
  return std::nullopt;
}

std::string label_of(std::string_view name) {
  std::string label;
  for (const char c : bare_name(name)) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    label += plain ? lower : '-';
  }
  while (!label.empty() && label.back() == '-')
    label.pop_back();
  return label;
}

}  // namespace

service_groups::service_groups(caf::actor_config& config, const runtime& env, const options& limits,
                               const world& log)
    : caf::event_based_actor(config), env_(env), limits_(limits) {
  for (const auto& [id, state] : log.services) {
    if (forgettable(state)) continue;
    revived_.push_back(state);
    // An instance that ended just before the daemon did, or was never made, has not left yet.
    for (const auto& instance_id : state.instances) {
      const auto found = log.instances.find(instance_id);
      if (found == log.instances.end() || forgettable(found->second))
        lost_.emplace_back(id, instance_id);
    }
  }
}

caf::behavior service_groups::make_behavior() {
  revive();
  return {
      [this](const group_create_message& message) { on_create(message); },
      [this](const group_change_message& message) { on_change(message); },
      [this](const group_settled& message) { on_settled(message); },
      [this](const group_message& message) {
        const auto found = groups_.find(message.uuid);
        if (found != groups_.end()) return send(found->second.actor, message.ask);
        message.ask.done(
            refuse(kind::not_found, "No service group with uuid '" + message.uuid + "'"));
      },
      [this](const group_join& message) { on_join(message); },
      [this](const instance_gone& message) { on_left(message); },
      [this](const retired& message) { on_retired(message); },
      [this](const finished& message) { on_finished(message); },
  };
}

void service_groups::on_exit() {
  for (auto& [id, one] : groups_)
    caf::anon_send_exit(one.actor, caf::exit_reason::user_shutdown);
  groups_.clear();
}

void service_groups::revive() {
  for (auto& state : std::exchange(revived_, {})) {
    const auto id = state.id;
    names_[state.name] = id;
    for (const auto& instance_id : state.instances)
      member_of_[instance_id] = id;
    auto& made = groups_[id];
    made.name = state.name;
    made.claimed = state.how;
    made.actor =
        spawn<service_group::actor>(env_, caf::actor_cast<caf::actor>(this),
                                    std::make_shared<const service_group::state>(std::move(state)));
    send(made.actor, begin{});
  }
  const events::cause why{"", "platend", events::origin::reconcile};
  for (const auto& [id, instance_id] : std::exchange(lost_, {}))
    send(groups_.at(id).actor, group_ask{service_group::leave{instance_id}, why, nullptr});
}

// ---- making ------------------------------------------------------------------------------------

void service_groups::on_create(const group_create_message& message) {
  auto wish = message.wish;
  wish.persistent = true;
  // The request is repeated.
  if (const auto known = env_.services.by_id(wish.uuid)) return message.done(known);
  auto added = add(std::move(wish), "", message.why, message.done);
  if (!added) message.done(tl::make_unexpected(added.error()));
}

tl::expected<std::string, rejection> service_groups::add(group_wish wish,
                                                         const std::string& instance_id,
                                                         const events::cause& why,
                                                         control_plane::callback<group_ptr> done) {
  if (groups_.size() >= limits_.max_service_groups)
    return refuse(kind::quota, "there are already " + std::to_string(groups_.size()) +
                                   " service groups, the limit: delete one, or raise "
                                   "max_service_groups");
  service_group::state initial;
  initial.id = wish.uuid.empty() ? env_.new_uuid() : wish.uuid;
  const bool named = !is_unnamed(wish.name) && wish.persistent;
  const auto name = named ? wish.name : free_name(wish.name, initial.id);
  if (names_.contains(name))
    return refuse(kind::name_taken, "A service group with the name '" + name + "' already exists");
  put_domains(wish, name);
  if (const auto wrong = fault_of(wish.how)) return refuse(kind::invalid, *wrong);
  if (auto own = check_scope(name, wish.how); !own) return tl::make_unexpected(own.error());
  if (auto claim = check_claim(initial.id, wish.how); !claim)
    return tl::make_unexpected(claim.error());

  events::service_group_requested event;
  event.name = name;
  event.persistent = wish.persistent;
  event.services = wish.how.services;
  event.domains = wish.how.domains;
  event.soft_limit = wish.how.soft_limit;
  event.hard_limit = wish.how.hard_limit;
  event.autokill_ms = wish.how.autokill_ms;
  const auto id = initial.id;
  auto actor =
      spawn<service_group::actor>(env_, caf::actor_cast<caf::actor>(this),
                                  std::make_shared<const service_group::state>(std::move(initial)));
  groups_[id] = {actor, name, wish.how};
  names_[name] = id;
  group_ask question{service_group::request{std::move(event), instance_id}, why, nullptr};
  question.done = [self = caf::actor_cast<caf::actor>(this), id,
                   done = std::move(done)](answer<group_ptr> result) {
    caf::anon_send(self, group_settled{id, result.has_value()});
    done(std::move(result));
  };
  send(actor, std::move(question));
  return id;
}

// Of a group that nobody named: that of its instance, if it is free.
std::string service_groups::free_name(const std::string& wish, const std::string& id) const {
  constexpr std::size_t enough = 8;
  const auto base = is_unnamed(wish) ? wish + "service" : wish;
  const auto domain = service_group::full_domain(label_of(base), base_domain_of(wish));
  const bool domain_taken = std::any_of(groups_.begin(), groups_.end(), [&](const auto& entry) {
    const auto& domains = entry.second.claimed.domains;
    return std::any_of(domains.begin(), domains.end(),
                       [&](const auto& one) { return one.name == domain; });
  });
  if (!is_unnamed(wish) && !names_.contains(base) && !domain_taken) return base;
  return base.substr(0, 50) + "-" + id.substr(0, enough);
}

void service_groups::put_domains(group_wish& wish, const std::string& name) const {
  const auto base = base_domain_of(name);
  for (auto& one : wish.how.domains)
    one.name = service_group::full_domain(one.name, base);
  if (!wish.how.domains.empty()) return;
  events::domain own;
  own.name = service_group::full_domain(label_of(name), base);
  wish.how.domains.push_back(std::move(own));
}

// Labels of scopes stand between a name and the base, so that names of two scopes never meet.
std::string service_groups::base_domain_of(const std::string& group_name) const {
  return service_group::base_domain_of(limits_.base_domain, scope_of(group_name));
}

tl::expected<void, rejection> service_groups::check_scope(const std::string& group_name,
                                                          const settings& wanted) const {
  for (const auto& domain : wanted.domains)
    if (!service_group::may_have(scope_of(group_name), domain.name, limits_.base_domain))
      return refuse(kind::invalid,
                    "domain '" + domain.name + "' is not below '" + base_domain_of(group_name) +
                        "': choose one that is, or one outside of '" + limits_.base_domain + "'");
  return {};
}

tl::expected<void, rejection> service_groups::check_claim(const std::string& id,
                                                          const settings& wanted) const {
  for (const auto& [other, one] : groups_) {
    if (other == id) continue;
    if (const auto why = conflict(wanted, one.claimed)) return refuse(kind::name_taken, *why);
  }
  return {};
}

// ---- changing ----------------------------------------------------------------------------------

void service_groups::on_change(const group_change_message& message) {
  const auto found = groups_.find(message.uuid);
  if (found == groups_.end())
    return message.done(
        refuse(kind::not_found, "No service group with uuid '" + message.uuid + "'"));
  auto edit = message.what;
  const auto& name = found->second.name;
  for (auto& one : edit.value.domains)
    one.name = service_group::full_domain(one.name, base_domain_of(name));
  for (auto& one : edit.names)
    one = service_group::full_domain(one, base_domain_of(name));
  auto next = service_group::apply(found->second.claimed, edit);
  if (const auto wrong = fault_of(next)) return message.done(refuse(kind::invalid, *wrong));
  if (auto own = check_scope(name, next); !own)
    return message.done(tl::make_unexpected(own.error()));
  if (auto claim = check_claim(message.uuid, next); !claim)
    return message.done(tl::make_unexpected(claim.error()));
  found->second.claimed = next;
  group_ask question{service_group::change{std::move(next)}, message.why, nullptr};
  question.done = [self = caf::actor_cast<caf::actor>(this), id = message.uuid,
                   done = message.done](answer<group_ptr> result) {
    caf::anon_send(self, group_settled{id, result.has_value()});
    done(std::move(result));
  };
  send(found->second.actor, std::move(question));
}

// What was refused is not claimed any more.
void service_groups::on_settled(const group_settled& message) {
  const auto found = groups_.find(message.uuid);
  if (message.done || found == groups_.end()) return;
  if (const auto now = env_.services.by_id(message.uuid)) {
    found->second.claimed = now->how;
    return;
  }
  on_retired({message.uuid});
  on_finished({message.uuid});
}

// ---- members -----------------------------------------------------------------------------------

tl::expected<std::string, rejection> service_groups::find(const reference& which) const {
  const bool by_uuid = !which.uuid.empty();
  const auto known = groups_.find(which.uuid);
  if (by_uuid && known != groups_.end() && scope_of(known->second.name) == scope_of(which.name))
    return which.uuid;
  const auto named = names_.find(which.name);
  if (!by_uuid && named != names_.end()) return named->second;
  return refuse(kind::not_found, "No service group with " +
                                     std::string(by_uuid ? "uuid '" : "name '") +
                                     (by_uuid ? which.uuid : which.name) + "'");
}

void service_groups::on_join(const group_join& message) {
  const auto& wish = message.create.wish.group;
  const auto reply = [to = message.answer_to, joined = message](answer<group_ptr> result) {
    caf::anon_send(
        to, group_joined{joined.create, joined.instance_id, joined.template_id, std::move(result)});
  };
  if (wish->made) {
    auto made = *wish->made;
    made.name = message.create.wish.name;
    made.persistent = false;
    auto id = add(std::move(made), message.instance_id, message.create.why, reply);
    if (!id) return reply(tl::make_unexpected(id.error()));
    member_of_[message.instance_id] = *id;
    return;
  }
  const auto id = find(wish->which);
  if (!id) return reply(tl::make_unexpected(id.error()));
  member_of_[message.instance_id] = *id;
  send(groups_.at(*id).actor,
       group_ask{service_group::join{message.instance_id}, message.create.why, reply});
}

void service_groups::on_left(const instance_gone& message) {
  const auto member = member_of_.extract(message.instance_id);
  if (!member) return;
  const auto found = groups_.find(member.mapped());
  if (found == groups_.end()) return;
  send(found->second.actor, group_ask{service_group::leave{message.instance_id},
                                      {"", "platend", events::origin::system},
                                      nullptr});
}

void service_groups::on_retired(const retired& message) {
  const auto found = groups_.find(message.uuid);
  if (found == groups_.end()) return;
  const auto named = names_.find(found->second.name);
  if (named != names_.end() && named->second == message.uuid) names_.erase(named);
  found->second.claimed = {};
}

void service_groups::on_finished(const finished& message) {
  const auto found = groups_.find(message.uuid);
  if (found == groups_.end()) return;
  send(found->second.actor, farewell{});
  groups_.erase(found);
}

}  // namespace platen::actors
