// The control plane as a scope sees it: what belongs to others is not there, and names are those
// that the scope's clients use. All handlers of the platform API get one of these, so none of them
// has to know of scopes. Thread-safe.
#pragma once

#include "actors/control_plane.hpp"
#include "http/scope/scope.hpp"
#include "http/scope/view_cache.hpp"

namespace platen::http {

class scoped_control final : public actors::control_plane {
 public:
  // `all` must outlive it.
  scoped_control(actors::control_plane& all, scope of) : all_(all), scope_(std::move(of)) {}

  void create(actors::create_instance wish, events::cause why,
              callback<actors::created> done) override;
  void start_instance(std::string uuid, events::cause why,
                      callback<actors::instance_ptr> done) override;
  void stop_instance(std::string uuid, actors::stop_wish how, events::cause why,
                     callback<actors::instance_ptr> done) override;
  void delete_instance(std::string uuid, events::cause why,
                       callback<actors::instance_ptr> done) override;
  void suspend_instance(std::string uuid, std::uint32_t drain_ms, events::cause why,
                        callback<actors::instance_ptr> done) override;
  void doze_instance(std::string uuid, events::cause why,
                     callback<actors::instance_ptr> done) override;
  void use_up_instance(std::string uuid, std::uint64_t requests, events::cause why,
                       callback<actors::instance_ptr> done) override;
  void drained_instance(std::string uuid, events::cause why,
                        callback<actors::instance_ptr> done) override;
  void count_requests(std::string uuid, std::uint64_t requests, events::cause why,
                      callback<actors::instance_ptr> done) override;
  void announce_sleep(std::string uuid, hypervisor::sleep_news what) override;
  void convert_instance(std::string uuid, std::uint64_t autokill_ms, events::cause why,
                        callback<actors::instance_ptr> done) override;
  void change_instance(std::string uuid, actors::instance::change what, events::cause why,
                       callback<actors::instance_ptr> done) override;
  void change_template(std::string uuid, actors::vm_template::change what, events::cause why,
                       callback<actors::template_ptr> done) override;
  void delete_template(std::string uuid, events::cause why,
                       callback<actors::template_ptr> done) override;
  void create_group(actors::group_wish wish, events::cause why,
                    callback<actors::group_ptr> done) override;
  void change_group(std::string uuid, actors::service_group::edit what, events::cause why,
                    callback<actors::group_ptr> done) override;
  void delete_group(std::string uuid, events::cause why, callback<actors::group_ptr> done) override;
  void ensure_template(actors::template_wish wish, events::cause why,
                       callback<actors::template_ptr> done) override;
  void configure_autoscale(std::string uuid, std::optional<actors::service_group::autoscale> how,
                           events::cause why, callback<actors::group_ptr> done) override;
  void scale_group(std::string uuid, actors::service_group::load seen, events::cause why,
                   callback<actors::group_ptr> done) override;
  void scale_failed(std::string uuid, std::string instance_id, std::string reason,
                    events::cause why, callback<actors::group_ptr> done) override;

  actors::instance_ptr find_instance(const actors::reference& which) const override;
  actors::template_ptr find_template(const actors::reference& which) const override;
  actors::group_ptr find_group(const actors::reference& which) const override;
  std::vector<actors::instance_ptr> instances() const override;
  std::vector<actors::template_ptr> templates() const override;
  std::vector<actors::group_ptr> groups() const override;

  actors::instance_ptr wait_instance(const std::string& uuid, const instance_predicate& until,
                                     deadline when, std::stop_token give_up) const override;
  actors::template_ptr wait_template(const std::string& uuid, const template_predicate& until,
                                     deadline when, std::stop_token give_up) const override;
  hypervisor::log_chunk read_log(const std::string& uuid, hypervisor::driver::log_kind kind,
                                 std::int64_t offset, std::uint64_t limit) const override;
  std::vector<hypervisor::disk_part> disk_use(const std::string& uuid) const override;

  // What concerns all scopes is for whoever has the whole control plane; nothing happens here.
  void on_routing_change(std::function<void()>) override {}
  void cancel_waits() override {}
  void shutdown(bool) override {}

 private:
  template <class T>
  callback<T> shown(callback<T> done) const;
  bool has_vm_of(const std::string& uuid) const;
  actors::template_ptr shown(actors::template_ptr found) const;
  // Sends the command if the entity is the scope's; otherwise it is not found.
  template <class Send>
  void to_instance(const std::string& uuid, callback<actors::instance_ptr> done, Send send) const;
  template <class Send>
  void to_template(const std::string& uuid, callback<actors::template_ptr> done, Send send) const;
  template <class Send>
  void to_group(const std::string& uuid, callback<actors::group_ptr> done, Send send) const;

  actors::control_plane& all_;
  const scope scope_;
  mutable view_cache<actors::vm_template::state> templates_;
};

}  // namespace platen::http
