// A control plane without actors: it records what it is asked, and the test says what happens.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#include "actors/control_plane.hpp"
#include "actors/service/decide.hpp"

namespace platen::testing {

using instance_phase = actors::instance::lifecycle;
using template_phase = actors::vm_template::lifecycle;

// Thread-safe.
class fake_control : public actors::control_plane {
 public:
  // ---- for tests
  // Changes an instance or template by name and wakes those who wait for it.
  void change(const std::string& name, const std::function<void(actors::instance::state&)>& how);
  void change_template(const std::string& name,
                       const std::function<void(actors::vm_template::state&)>& how);
  void enter(const std::string& name, instance_phase phase);
  void enter_template(const std::string& name, template_phase phase);

  // Creates end in this phase with autostart; waiting_for_template unless set.
  void start_into(instance_phase phase);
  // The next command is refused with this.
  void refuse_next(actors::rejection why, std::size_t times = 1);
  // The next instances() throws.
  void throw_next(const std::string& what);

  // Blocks until so many threads are inside wait_instance or wait_template.
  void await_waiters(std::size_t count);
  void await_no_waiters();
  // A server that ended cancelled them; the next one may wait again.
  void allow_waits();
  std::size_t waiters() const;

  std::vector<actors::create_instance> creates() const;
  std::vector<events::cause> causes() const;
  std::vector<std::pair<std::string, actors::stop_wish>> stops() const;
  std::vector<std::uint32_t> suspends() const;  // their drain_ms
  std::vector<actors::instance::change> instance_changes() const;
  std::vector<std::uint64_t> conversions() const;  // their autokill_ms
  // The lifecycle that the next conversions come to.
  void convert_into(instance_phase phase);
  std::vector<actors::vm_template::change> template_changes() const;
  std::vector<std::string> differences_to_report;
  std::string output = "line one\nline two\n";
  std::vector<hypervisor::disk_part> disk;  // of each instance and template

  // ---- control_plane
  void create(actors::create_instance wish, events::cause why,
              callback<actors::created> done) override;
  void start_instance(std::string uuid, events::cause why,
                      callback<actors::instance_ptr> done) override;
  void stop_instance(std::string uuid, actors::stop_wish how, events::cause why,
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
  void announce_sleep(std::string, hypervisor::sleep_news) override {}
  void convert_instance(std::string uuid, std::uint64_t autokill_ms, events::cause why,
                        callback<actors::instance_ptr> done) override;
  void delete_instance(std::string uuid, events::cause why,
                       callback<actors::instance_ptr> done) override;
  void change_instance(std::string uuid, actors::instance::change what, events::cause why,
                       callback<actors::instance_ptr> done) override;
  void change_template(std::string uuid, actors::vm_template::change what, events::cause why,
                       callback<actors::template_ptr> done) override;
  void delete_template(std::string uuid, events::cause why,
                       callback<actors::template_ptr> done) override;
  actors::instance_ptr find_instance(const actors::reference& which) const override;
  actors::template_ptr find_template(const actors::reference& which) const override;
  std::vector<actors::instance_ptr> instances() const override;
  std::vector<actors::template_ptr> templates() const override;
  actors::instance_ptr wait_instance(const std::string& uuid, const instance_predicate& until,
                                     deadline when, std::stop_token give_up) const override;
  actors::template_ptr wait_template(const std::string& uuid, const template_predicate& until,
                                     deadline when, std::stop_token give_up) const override;
  void cancel_waits() override;
  hypervisor::log_chunk read_log(const std::string& uuid, hypervisor::driver::log_kind kind,
                                 std::int64_t offset, std::uint64_t limit) const override;
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
  actors::group_ptr find_group(const actors::reference& which) const override;
  std::vector<actors::group_ptr> groups() const override;
  void on_routing_change(std::function<void()>) override {}
  std::vector<hypervisor::disk_part> disk_use(const std::string&) const override { return disk; }
  void shutdown(bool) override {}

 private:
  template <class State>
  using table = std::vector<std::shared_ptr<const State>>;

  template <class T>
  bool refused(const callback<T>& done);
  void command_instance(const std::string& uuid, const events::cause& why, instance_phase into,
                        const callback<actors::instance_ptr>& done);
  void tell_group(const std::string& uuid, const actors::service_group::command& what,
                  events::cause why, const callback<actors::group_ptr>& done);
  actors::template_ptr template_for(const actors::template_wish& wish);
  std::string next_uuid();
  template <class State, class Predicate>
  std::shared_ptr<const State> wait(const table<State>& in, const std::string& uuid,
                                    const Predicate& until, deadline when,
                                    const std::stop_token& give_up) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  table<actors::instance::state> instances_;
  table<actors::vm_template::state> templates_;
  table<actors::service_group::state> groups_;
  std::vector<actors::create_instance> creates_;
  std::vector<events::cause> causes_;
  std::vector<std::pair<std::string, actors::stop_wish>> stops_;
  std::vector<std::uint32_t> suspends_;
  std::vector<actors::instance::change> instance_changes_;
  std::vector<std::uint64_t> conversions_;
  instance_phase convert_into_ = instance_phase::converted;
  std::vector<actors::vm_template::change> template_changes_;
  std::optional<actors::rejection> refusal_;
  std::size_t refusals_left_ = 0;
  instance_phase start_into_ = instance_phase::waiting_for_template;
  std::uint64_t made_ = 0;
  mutable std::size_t waiters_ = 0;
  bool cancelled_ = false;
  mutable std::string throw_next_;
};

}  // namespace platen::testing
