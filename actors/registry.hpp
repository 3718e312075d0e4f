// Knows every living entity by name and id, makes new ones, and passes messages on to them.
//
// Names are reserved here, by one actor, before anything is appended: that is what makes a thousand
// concurrent requests for one template name meet on one template.
#pragma once

#include <map>

#include "actors/messages.hpp"
#include "actors/reconcile.hpp"

namespace platen::actors {

class registry : public caf::event_based_actor {
 public:
  // `log` holds the entities to bring back to life; `plan` what to tell each of them.
  // `groups` is the actor of service groups.
  registry(caf::actor_config& config, const runtime& env, const options& limits, caf::actor groups,
           world log, reconciliation plan);

  caf::behavior make_behavior() override;
  const char* name() const override { return "registry"; }
  void on_exit() override;

 private:
  // The name of a template-to-be. It is free again when nothing is open and the instance does not
  // convert.
  struct reserved_name {
    std::string uuid;
    std::size_t open_requests = 0;
  };

  void revive();
  void begin_all();
  void settle_accounts();

  void on_create(const create_message& message);
  void use_factory(create_message& create) const;
  void on_group_joined(const group_joined& message);
  void go_on_with_template(const create_message& create, const std::string& uuid,
                           const std::string& template_id);
  void on_template_confirmed(const template_confirmed& message);
  void on_instance_confirmed(const instance_confirmed& message);
  void on_retired(const retired& message);
  void on_finished(const finished& message);
  void on_convert(const convert_message& message);
  void on_conversion_ready(const conversion_ready& message);
  void on_taken_over(const taken_over& message);
  void on_lease(const lease& message);
  void on_lease_returned(const lease_returned& message);
  void on_hold_released(const hold_released& message);

  bool answer_with_existing(const create_message& message);
  void prepare_if_wished(const create_message& message, const std::string& template_id);
  void on_template_wanted(const template_wanted& message);
  // The UUID of the template that is meant, which exists or is being made.
  tl::expected<std::string, rejection> find_or_make_template(const template_wish& wish,
                                                             const events::cause& why);
  tl::expected<void, rejection> check_levels(const template_wish& wish) const;
  // For a wish, or a level of one, that check_levels() has found good.
  tl::expected<std::string, rejection> resolve_template(const template_wish& wish,
                                                        const events::cause& why);
  tl::expected<std::string, rejection> resolve_known(const std::string& uuid,
                                                     const template_wish& wish,
                                                     const events::cause& why);
  tl::expected<std::string, rejection> add_template(const template_wish& wish,
                                                    const events::cause& why);
  void hold_template(const create_message& create, const std::string& uuid,
                     const std::string& template_id);
  caf::actor template_actor(const std::string& uuid, const std::string& or_named) const;
  void request_instance(const create_message& message, const std::string& uuid,
                        const template_ptr& from);

  // Somebody's conversion is to make a template of this name.
  bool is_being_converted(const std::string& name) const;
  bool is_under_way(const reserved_name& conversion) const;
  // Those that exist and those that instances are about to become.
  std::size_t templates_there_will_be() const;
  tl::expected<void, rejection> reserve_for_conversion(const instance::state& which);
  vm_template::take_over take_over_of(const instance::state& which) const;

  caf::actor spawn_template(template_ptr initial);
  caf::actor spawn_instance(instance_ptr initial);

  struct entry {
    caf::actor actor;  // null while an instance waits for its template to be durable
    std::string name;
  };
  struct template_entry : entry {
    template_shape shape;
  };

  const runtime& env_;
  const options& limits_;
  caf::actor groups_;
  world log_;                                        // until go
  reconciliation plan_;                              // until go
  std::map<std::string, template_entry> templates_;  // by UUID
  std::map<std::string, entry> instances_;
  std::map<std::string, group_ptr> joined_;  // the group of an instance that is being created
  // Who is to be told of an instance that is being created: by UUID, first the one who asked first.
  std::map<std::string, std::vector<control_plane::callback<created>>> creating_;
  std::map<std::string, std::string> template_names_;  // name to UUID
  std::map<std::string, reserved_name> conversions_;   // by name
  std::map<std::string, std::string> instance_names_;
};

}  // namespace platen::actors
