// The actors, as http and tools see them: commands that are answered once they are durable, reads
// that never wait for an actor, and waits for a lifecycle. No CAF type appears here.
//
// Thread-safe. Callbacks run on actor threads and must not block.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "actors/factory.hpp"
#include "actors/instance/decide.hpp"
#include "actors/instance/state.hpp"
#include "actors/outcome.hpp"
#include "actors/service/state.hpp"
#include "actors/template/decide.hpp"
#include "actors/template/state.hpp"
#include "actors/template_wish.hpp"
#include "hypervisor/hypervisor.hpp"
#include "store/event_log.hpp"
#include "store/state_cache.hpp"

namespace platen::actors {

template <class T>
using answer = tl::expected<T, rejection>;

using instance_ptr = std::shared_ptr<const instance::state>;
using template_ptr = std::shared_ptr<const vm_template::state>;
using group_ptr = std::shared_ptr<const service_group::state>;

struct group_wish {
  std::string uuid;  // empty: one is made up
  std::string name;  // empty: made up from the uuid
  bool persistent = true;
  // Domains as clients write them ("example", "example.com."); none: one is made from the name.
  service_group::settings how;
};

// The service group of an instance: one that exists, or one that is made with it and goes with it.
struct instance_group {
  reference which;
  std::optional<group_wish> made;
};

struct create_instance {
  // Empty: one is made up. A create for a uuid that exists is answered with that instance, as it is
  // by now, and nothing is recorded: this is what makes a repeated request harmless.
  std::string uuid;
  std::string name;  // empty: made up from the uuid
  std::optional<template_wish> from;
  events::vm_spec spec;  // without a template: all of it; with one: roms, services, hostname
  bool autostart = false;
  std::optional<instance_group> group;  // its services become those of spec
};

struct created {
  instance_ptr instance;
  template_ptr of;                       // null without a template
  std::vector<std::string> differences;  // create_args members that differ from the template's own
  // Why it is no clone of the factory's template although its image is that one's; else empty.
  std::string note = {};
};

struct stop_wish {
  bool force = false;
  std::uint32_t grace_ms = 0;
  std::uint32_t drain_ms = 0;  // see instance::stop
};

struct options {
  std::size_t max_instances = 4096;
  std::size_t max_templates = 1024;
  std::size_t max_service_groups = 4096;
  std::string base_domain = "localhost";  // of service groups' domains that are not complete
  unsigned max_template_depth = 16;       // templates nested in one another
  bool strict_templates = false;          // refuses other create_args for a template that exists
  std::uint32_t stop_grace_ms = 5000;     // for stops that name none
  factory_settings factory;
  std::string version;  // of the program, for DaemonStarted
  // Where a start finds the states it need not fold again; null: it folds the whole log.
  store::state_cache* states = nullptr;
  // Told, before start() returns, how the states came about: one sentence.
  std::function<void(const std::string&)> on_loaded;
  // Called once, from any thread, when the log failed: the process must end, non-zero.
  std::function<void(const std::string&)> on_fatal;
};

class control_plane {
 public:
  // Replays the log, starts the driver, reconciles the world with the log, and only then returns.
  // `log` and `driver` must outlive the control plane. The error is one sentence.
  static tl::expected<std::unique_ptr<control_plane>, std::string> start(
      options how, store::event_log& log, hypervisor::driver& driver);

  virtual ~control_plane() = default;

  template <class T>
  using callback = std::function<void(answer<T>)>;

  // ---- commands: `done` is called exactly once, after the events are durable -------------------
  // Answers as soon as the instance is recorded; use wait_* for what follows.
  virtual void create(create_instance wish, events::cause why, callback<created> done) = 0;
  virtual void start_instance(std::string uuid, events::cause why, callback<instance_ptr> done) = 0;
  virtual void stop_instance(std::string uuid, stop_wish how, events::cause why,
                             callback<instance_ptr> done) = 0;
  virtual void delete_instance(std::string uuid, events::cause why,
                               callback<instance_ptr> done) = 0;
  // With its memory; a start goes on from there. drain_ms: see instance::suspend.
  virtual void suspend_instance(std::string uuid, std::uint32_t drain_ms, events::cause why,
                                callback<instance_ptr> done) = 0;
  // For whoever watches the traffic: nobody needs the instance, or nothing is in flight at one that
  // drains, or it has served so many requests, all of them or so far. Nothing happens where its
  // settings do not ask for it.
  virtual void doze_instance(std::string uuid, events::cause why, callback<instance_ptr> done) = 0;
  virtual void use_up_instance(std::string uuid, std::uint64_t requests, events::cause why,
                               callback<instance_ptr> done) = 0;
  virtual void drained_instance(std::string uuid, events::cause why,
                                callback<instance_ptr> done) = 0;
  virtual void count_requests(std::string uuid, std::uint64_t requests, events::cause why,
                              callback<instance_ptr> done) = 0;
  // The instance will be told to doze in its spec's notify_ms, or not after all; its guest is told.
  // Nothing is recorded and nothing answered.
  virtual void announce_sleep(std::string uuid, hypervisor::sleep_news what) = 0;
  // Answers when the conversion is recorded; it is over when the lifecycle is not `converting` any
  // more. Then there is a template of the same UUID and name, or the instance says what went wrong
  // (last_setback, last_failure).
  virtual void convert_instance(std::string uuid, std::uint64_t autokill_ms, events::cause why,
                                callback<instance_ptr> done) = 0;
  virtual void change_instance(std::string uuid, instance::change what, events::cause why,
                               callback<instance_ptr> done) = 0;
  virtual void change_template(std::string uuid, vm_template::change what, events::cause why,
                               callback<template_ptr> done) = 0;
  virtual void delete_template(std::string uuid, events::cause why,
                               callback<template_ptr> done) = 0;

  virtual void create_group(group_wish wish, events::cause why, callback<group_ptr> done) = 0;
  virtual void change_group(std::string uuid, service_group::edit what, events::cause why,
                            callback<group_ptr> done) = 0;
  virtual void delete_group(std::string uuid, events::cause why, callback<group_ptr> done) = 0;

  // The template that is meant, made or begun to be made if there is none.
  virtual void ensure_template(template_wish wish, events::cause why,
                               callback<template_ptr> done) = 0;
  // Absent: autoscale ends.
  virtual void configure_autoscale(std::string uuid, std::optional<service_group::autoscale> how,
                                   events::cause why, callback<group_ptr> done) = 0;
  // What is seen of a group's traffic now; what follows is in to_be_made() and to_be_ended() of its
  // state.
  virtual void scale_group(std::string uuid, service_group::load seen, events::cause why,
                           callback<group_ptr> done) = 0;
  // An instance that was to be made could not be.
  virtual void scale_failed(std::string uuid, std::string instance_id, std::string reason,
                            events::cause why, callback<group_ptr> done) = 0;

  // ---- reads: immutable snapshots of the confirmed states --------------------------------------
  // Null if there is none. Deleted entities are not found.
  virtual instance_ptr find_instance(const reference& which) const = 0;
  virtual template_ptr find_template(const reference& which) const = 0;
  virtual group_ptr find_group(const reference& which) const = 0;
  // Oldest first.
  virtual std::vector<instance_ptr> instances() const = 0;
  virtual std::vector<template_ptr> templates() const = 0;
  virtual std::vector<group_ptr> groups() const = 0;

  // `tell` is called, on actor threads, after something changed that decides where the traffic of
  // service groups goes; an empty function ends it. It must not block.
  virtual void on_routing_change(std::function<void()> tell) = 0;

  // ---- waits: block the calling thread ---------------------------------------------------------
  // Returns the first state that satisfies `until` (the present one counts), or the latest state
  // when the deadline passes or `give_up` is asked to stop; null only for an unknown uuid. Deleted
  // entities end every wait.
  using instance_predicate = std::function<bool(const instance::state&)>;
  using template_predicate = std::function<bool(const vm_template::state&)>;
  using deadline = std::optional<std::chrono::steady_clock::time_point>;  // absent: for ever
  virtual instance_ptr wait_instance(const std::string& uuid, const instance_predicate& until,
                                     deadline when, std::stop_token give_up = {}) const = 0;
  virtual template_ptr wait_template(const std::string& uuid, const template_predicate& until,
                                     deadline when, std::stop_token give_up = {}) const = 0;
  // Ends all present and future waits with the latest state, for a clean shutdown.
  virtual void cancel_waits() = 0;

  // The newest VM's output of an instance or template (its preparing VM).
  virtual hypervisor::log_chunk read_log(const std::string& uuid, hypervisor::driver::log_kind kind,
                                         std::int64_t offset, std::uint64_t limit) const = 0;

  // What an instance's VM, or a template's snapshot or preparing VM, takes on disk. Asks the file
  // system: blocks. Empty where there is nothing, or it is not known.
  virtual std::vector<hypervisor::disk_part> disk_use(const std::string& uuid) const = 0;

  // Stops the actors; VMs go on unless `stop_vms`. Waits end, commands in progress are answered.
  virtual void shutdown(bool stop_vms) = 0;
};

}  // namespace platen::actors
