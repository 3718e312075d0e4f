#include "http/scope/scoped_control.hpp"

#include <utility>

namespace platen::http {

using actors::answer;
using actors::created;
using actors::group_ptr;
using actors::instance_ptr;
using actors::reference;
using actors::rejection;
using actors::template_ptr;

namespace {

template <class Pointer>
std::vector<Pointer> own(const scope& of, std::vector<Pointer> all) {
  std::erase_if(all, [&](const Pointer& one) { return !of.has(one->name); });
  for (auto& one : all)
    one = of.shown(std::move(one));
  return all;
}

template <class Pointer>
bool belongs(const scope& of, const Pointer& found) {
  return found && of.has(found->name);
}

template <class Pointer>
Pointer own(const scope& of, Pointer found) {
  return belongs(of, found) ? of.shown(std::move(found)) : nullptr;
}

rejection nobody(const char* noun, const std::string& uuid) {
  return {rejection::kind::not_found, "No " + std::string(noun) + " with uuid '" + uuid + "'"};
}

}  // namespace

template <class T>
scoped_control::callback<T> scoped_control::shown(callback<T> done) const {
  if (scope_.is_operators()) return done;
  return [of = scope_, done = std::move(done)](answer<T> given) {
    if (!given) return done(tl::unexpected(of.shown(std::move(given.error()))));
    done(of.shown(*std::move(given)));
  };
}

template <class Send>
void scoped_control::to_instance(const std::string& uuid, callback<instance_ptr> done,
                                 Send send) const {
  const auto there = all_.find_instance({uuid, ""});
  if (!belongs(scope_, there)) return done(tl::unexpected(nobody("instance", uuid)));
  send(shown(std::move(done)));
}

template <class Send>
void scoped_control::to_template(const std::string& uuid, callback<template_ptr> done,
                                 Send send) const {
  const auto there = all_.find_template({uuid, ""});
  if (!belongs(scope_, there)) return done(tl::unexpected(nobody("instance template", uuid)));
  send(shown(std::move(done)));
}

template <class Send>
void scoped_control::to_group(const std::string& uuid, callback<group_ptr> done, Send send) const {
  const auto there = all_.find_group({uuid, ""});
  if (!belongs(scope_, there)) return done(tl::unexpected(nobody("service group", uuid)));
  send(shown(std::move(done)));
}

// ---- commands ----------------------------------------------------------------------------------

// That references by UUID stay within the scope is for the actors to see: they are asked with it.
void scoped_control::create(actors::create_instance wish, events::cause why,
                            callback<created> done) {
  all_.create(scope_.full(std::move(wish)), std::move(why), shown(std::move(done)));
}

void scoped_control::start_instance(std::string uuid, events::cause why,
                                    callback<instance_ptr> done) {
  to_instance(uuid, std::move(done),
              [&](auto ours) { all_.start_instance(uuid, std::move(why), std::move(ours)); });
}

void scoped_control::stop_instance(std::string uuid, actors::stop_wish how, events::cause why,
                                   callback<instance_ptr> done) {
  to_instance(uuid, std::move(done),
              [&](auto ours) { all_.stop_instance(uuid, how, std::move(why), std::move(ours)); });
}

void scoped_control::delete_instance(std::string uuid, events::cause why,
                                     callback<instance_ptr> done) {
  to_instance(uuid, std::move(done),
              [&](auto ours) { all_.delete_instance(uuid, std::move(why), std::move(ours)); });
}

void scoped_control::suspend_instance(std::string uuid, std::uint32_t drain_ms, events::cause why,
                                      callback<instance_ptr> done) {
  to_instance(uuid, std::move(done), [&](auto ours) {
    all_.suspend_instance(uuid, drain_ms, std::move(why), std::move(ours));
  });
}

void scoped_control::doze_instance(std::string uuid, events::cause why,
                                   callback<instance_ptr> done) {
  to_instance(uuid, std::move(done),
              [&](auto ours) { all_.doze_instance(uuid, std::move(why), std::move(ours)); });
}

void scoped_control::use_up_instance(std::string uuid, std::uint64_t requests, events::cause why,
                                     callback<instance_ptr> done) {
  to_instance(uuid, std::move(done), [&](auto ours) {
    all_.use_up_instance(uuid, requests, std::move(why), std::move(ours));
  });
}

void scoped_control::drained_instance(std::string uuid, events::cause why,
                                      callback<instance_ptr> done) {
  to_instance(uuid, std::move(done),
              [&](auto ours) { all_.drained_instance(uuid, std::move(why), std::move(ours)); });
}

void scoped_control::count_requests(std::string uuid, std::uint64_t requests, events::cause why,
                                    callback<instance_ptr> done) {
  to_instance(uuid, std::move(done), [&](auto ours) {
    all_.count_requests(uuid, requests, std::move(why), std::move(ours));
  });
}

void scoped_control::announce_sleep(std::string uuid, hypervisor::sleep_news what) {
  if (find_instance({uuid, ""})) all_.announce_sleep(std::move(uuid), what);
}

void scoped_control::convert_instance(std::string uuid, std::uint64_t autokill_ms,
                                      events::cause why, callback<instance_ptr> done) {
  to_instance(uuid, std::move(done), [&](auto ours) {
    all_.convert_instance(uuid, autokill_ms, std::move(why), std::move(ours));
  });
}

void scoped_control::change_instance(std::string uuid, actors::instance::change what,
                                     events::cause why, callback<instance_ptr> done) {
  to_instance(uuid, std::move(done), [&](auto ours) {
    all_.change_instance(uuid, std::move(what), std::move(why), std::move(ours));
  });
}

void scoped_control::change_template(std::string uuid, actors::vm_template::change what,
                                     events::cause why, callback<template_ptr> done) {
  to_template(uuid, std::move(done), [&](auto ours) {
    all_.change_template(uuid, std::move(what), std::move(why), std::move(ours));
  });
}

void scoped_control::delete_template(std::string uuid, events::cause why,
                                     callback<template_ptr> done) {
  to_template(uuid, std::move(done),
              [&](auto ours) { all_.delete_template(uuid, std::move(why), std::move(ours)); });
}

void scoped_control::create_group(actors::group_wish wish, events::cause why,
                                  callback<group_ptr> done) {
  all_.create_group(scope_.full(std::move(wish)), std::move(why), shown(std::move(done)));
}

void scoped_control::change_group(std::string uuid, actors::service_group::edit what,
                                  events::cause why, callback<group_ptr> done) {
  to_group(uuid, std::move(done), [&](auto ours) {
    all_.change_group(uuid, std::move(what), std::move(why), std::move(ours));
  });
}

void scoped_control::delete_group(std::string uuid, events::cause why, callback<group_ptr> done) {
  to_group(uuid, std::move(done),
           [&](auto ours) { all_.delete_group(uuid, std::move(why), std::move(ours)); });
}

void scoped_control::ensure_template(actors::template_wish wish, events::cause why,
                                     callback<template_ptr> done) {
  all_.ensure_template(scope_.full(std::move(wish)), std::move(why), shown(std::move(done)));
}

void scoped_control::configure_autoscale(std::string uuid,
                                         std::optional<actors::service_group::autoscale> how,
                                         events::cause why, callback<group_ptr> done) {
  if (how) how = scope_.full(*std::move(how));
  to_group(uuid, std::move(done), [&](auto ours) {
    all_.configure_autoscale(uuid, std::move(how), std::move(why), std::move(ours));
  });
}

void scoped_control::scale_group(std::string uuid, actors::service_group::load seen,
                                 events::cause why, callback<group_ptr> done) {
  to_group(uuid, std::move(done), [&](auto ours) {
    all_.scale_group(uuid, std::move(seen), std::move(why), std::move(ours));
  });
}

void scoped_control::scale_failed(std::string uuid, std::string instance_id, std::string reason,
                                  events::cause why, callback<group_ptr> done) {
  to_group(uuid, std::move(done), [&](auto ours) {
    all_.scale_failed(uuid, std::move(instance_id), std::move(reason), std::move(why),
                      std::move(ours));
  });
}

// ---- reads -------------------------------------------------------------------------------------

instance_ptr scoped_control::find_instance(const reference& which) const {
  return own(scope_, all_.find_instance(scope_.full(which)));
}

template_ptr scoped_control::find_template(const reference& which) const {
  return shown(all_.find_template(scope_.full(which)));
}

// Each instance of a list looks up its template, whose state names all the instances that hold it.
template_ptr scoped_control::shown(template_ptr found) const {
  if (!belongs(scope_, found)) return nullptr;
  if (scope_.is_operators()) return found;
  return templates_.of(found, [this](const auto& one) { return scope_.shown(one); });
}

group_ptr scoped_control::find_group(const reference& which) const {
  return own(scope_, all_.find_group(scope_.full(which)));
}

std::vector<instance_ptr> scoped_control::instances() const {
  return own(scope_, all_.instances());
}

std::vector<template_ptr> scoped_control::templates() const {
  auto all = all_.templates();
  std::erase_if(all, [this](const auto& one) { return !scope_.has(one->name); });
  for (auto& one : all)
    one = shown(std::move(one));
  return all;
}

std::vector<group_ptr> scoped_control::groups() const {
  return own(scope_, all_.groups());
}

// ---- waits and what VMs leave ------------------------------------------------------------------

instance_ptr scoped_control::wait_instance(const std::string& uuid, const instance_predicate& until,
                                           deadline when, std::stop_token give_up) const {
  if (!belongs(scope_, all_.find_instance({uuid, ""}))) return nullptr;
  return own(scope_, all_.wait_instance(uuid, until, when, std::move(give_up)));
}

template_ptr scoped_control::wait_template(const std::string& uuid, const template_predicate& until,
                                           deadline when, std::stop_token give_up) const {
  if (!belongs(scope_, all_.find_template({uuid, ""}))) return nullptr;
  return shown(all_.wait_template(uuid, until, when, std::move(give_up)));
}

bool scoped_control::has_vm_of(const std::string& uuid) const {
  return belongs(scope_, all_.find_instance({uuid, ""})) ||
         belongs(scope_, all_.find_template({uuid, ""}));
}

hypervisor::log_chunk scoped_control::read_log(const std::string& uuid,
                                               hypervisor::driver::log_kind kind,
                                               std::int64_t offset, std::uint64_t limit) const {
  return has_vm_of(uuid) ? all_.read_log(uuid, kind, offset, limit) : hypervisor::log_chunk{};
}

std::vector<hypervisor::disk_part> scoped_control::disk_use(const std::string& uuid) const {
  return has_vm_of(uuid) ? all_.disk_use(uuid) : std::vector<hypervisor::disk_part>{};
}

}  // namespace platen::http
