// Knows every living service group by name and id, makes new ones, and passes messages on to them.
// What no group may share with another (name, domains, a port passed through) is reserved here, by
// one actor, before anything is appended.
#pragma once

#include <map>
#include <set>
#include <string>

#include "actors/messages.hpp"
#include "actors/replay.hpp"

namespace platen::actors {

class service_groups : public caf::event_based_actor {
 public:
  // `log` holds the groups to bring back to life, and the instances that are still their members.
  service_groups(caf::actor_config& config, const runtime& env, const options& limits,
                 const world& log);

  caf::behavior make_behavior() override;
  const char* name() const override { return "service_groups"; }
  void on_exit() override;

 private:
  struct group {
    caf::actor actor;
    std::string name;
    service_group::settings claimed;  // as it is, or is about to be
  };

  void revive();
  void on_create(const group_create_message& message);
  void on_change(const group_change_message& message);
  void on_settled(const group_settled& message);
  void on_join(const group_join& message);
  void on_left(const instance_gone& message);
  void on_retired(const retired& message);
  void on_finished(const finished& message);

  // The new group's id. `instance_id`: its first member, or empty.
  tl::expected<std::string, rejection> add(group_wish wish, const std::string& instance_id,
                                           const events::cause& why,
                                           control_plane::callback<group_ptr> done);
  tl::expected<std::string, rejection> find(const reference& which) const;
  std::string base_domain_of(const std::string& group_name) const;
  tl::expected<void, rejection> check_scope(const std::string& group_name,
                                            const service_group::settings& wanted) const;
  tl::expected<void, rejection> check_claim(const std::string& id,
                                            const service_group::settings& wanted) const;
  std::string free_name(const std::string& wish, const std::string& id) const;
  void put_domains(group_wish& wish, const std::string& name) const;

  const runtime& env_;
  const options& limits_;
  std::map<std::string, group> groups_;           // by UUID
  std::map<std::string, std::string> names_;      // name to UUID
  std::map<std::string, std::string> member_of_;  // instance to group
  // Until the first message.
  std::vector<service_group::state> revived_;
  std::vector<std::pair<std::string, std::string>> lost_;  // group, instance that is gone
};

}  // namespace platen::actors
