// The fields of every state, each once: what a state is when it is treated as data. The stored
// bytes, the canonical hash, the differences between two states are all made from these lists.
//
// describe(state, visitor) calls visitor(name, member) for each field in a fixed order. A new field
// of a state belongs here as well; tests/actors/describe_test.cpp notices one that is missing.
#pragma once

#include <concepts>

#include "actors/instance/state.hpp"
#include "actors/service/state.hpp"
#include "actors/template/state.hpp"

namespace platen::actors {

// T is one of the types below, const where the visitor only reads.
template <class T, class Described>
concept is_a = std::same_as<std::remove_const_t<T>, Described>;

template <is_a<events::rom> T>
void describe(T& value, auto&& visit) {
  visit("name", value.name);
  visit("at", value.at);
  visit("digest", value.digest);
  visit("size_bytes", value.size_bytes);
  visit("image", value.image);
}

template <is_a<events::service> T>
void describe(T& value, auto&& visit) {
  visit("port", value.port);
  visit("destination_port", value.destination_port);
  visit("handlers", value.handlers);
  visit("host_port", value.host_port);
}

template <is_a<events::variable> T>
void describe(T& value, auto&& visit) {
  visit("name", value.name);
  visit("value", value.value);
}

template <is_a<events::vm_spec> T>
void describe(T& value, auto&& visit) {
  visit("image", value.image);
  visit("args", value.args);
  visit("env", value.env);
  visit("memory_mb", value.memory_mb);
  visit("vcpus", value.vcpus);
  visit("hostname", value.hostname);
  visit("roms", value.roms);
  visit("services", value.services);
  visit("tags", value.tags);
  visit("annotations", value.annotations);
  visit("restart_policy", value.restart_policy);
  visit("delete_on_stop", value.delete_on_stop);
  visit("autokill_ms", value.autokill_ms);
  visit("autokill_requests", value.autokill_requests);
  visit("scale_to_zero", value.scale_to_zero);
  visit("stateful", value.stateful);
  visit("cooldown_ms", value.cooldown_ms);
  visit("notify_ms", value.notify_ms);
}

template <is_a<vm_template::failure> T>
void describe(T& value, auto&& visit) {
  visit("attempt", value.attempt);
  visit("stage", value.stage);
  visit("reason", value.reason);
  visit("console_tail", value.console_tail);
  visit("at_us", value.at_us);
  visit("retry_after_ms", value.retry_after_ms);
}

template <is_a<vm_template::snapshot> T>
void describe(T& value, auto&& visit) {
  visit("id", value.id);
  visit("accelerator", value.accelerator);
  visit("manifest_sha256", value.manifest_sha256);
  visit("memory_bytes", value.memory_bytes);
  visit("state_bytes", value.state_bytes);
  visit("disk_bytes", value.disk_bytes);
  visit("taken_us", value.taken_us);
}

template <is_a<vm_template::state> T>
void describe(T& value, auto&& visit) {
  visit("id", value.id);
  visit("version", value.version);
  visit("name", value.name);
  visit("spec", value.spec);
  visit("fingerprint", value.fingerprint);
  visit("prepare_timeout_ms", value.prepare_timeout_ms);
  visit("autokill_ms", value.autokill_ms);
  visit("delete_lock", value.delete_lock);
  visit("cold", value.cold);
  visit("converted_from", value.converted_from);
  visit("parent_id", value.parent_id);
  visit("parent_name", value.parent_name);
  visit("lifecycle", value.phase);
  visit("created_us", value.created_us);
  visit("lifecycle_since_us", value.phase_since_us);
  visit("attempt", value.attempt);
  visit("consecutive_failures", value.consecutive_failures);
  visit("deadline_us", value.deadline_us);
  visit("retry_at_us", value.retry_at_us);
  visit("parent_snapshot_id", value.parent_snapshot_id);
  visit("changed_us", value.changed_us);
  visit("accelerator", value.accelerator);
  visit("pid", value.pid);
  visit("caused_by", value.caused_by);
  visit("last_failure", value.last_failure);
  visit("snapshot", value.ready);
  visit("clones_in_flight", value.clones_in_flight);
  visit("holders", value.holders);
  visit("clones_made", value.clones_made);
  visit("last_clone_us", value.last_clone_us);
}

template <is_a<instance::failure> T>
void describe(T& value, auto&& visit) {
  visit("stage", value.stage);
  visit("reason", value.reason);
  visit("console_tail", value.console_tail);
  visit("at_us", value.at_us);
}

template <is_a<instance::stop_facts> T>
void describe(T& value, auto&& visit) {
  visit("by_user", value.by_user);
  visit("exit_known", value.exit_known);
  visit("exit_code", value.exit_code);
  visit("reason", value.reason);
}

template <is_a<instance::conversion> T>
void describe(T& value, auto&& visit) {
  visit("snapshot_id", value.snapshot_id);
  visit("autokill_ms", value.autokill_ms);
  visit("by_guest", value.by_guest);
}

template <is_a<instance::draining> T>
void describe(T& value, auto&& visit) {
  visit("until_us", value.until_us);
  visit("suspend", value.suspend);
  visit("grace_ms", value.grace_ms);
}

template <is_a<instance::state> T>
void describe(T& value, auto&& visit) {
  visit("id", value.id);
  visit("version", value.version);
  visit("name", value.name);
  visit("template_id", value.template_id);
  visit("template_name", value.template_name);
  visit("spec", value.spec);
  visit("lifecycle", value.phase);
  visit("created_us", value.created_us);
  visit("lifecycle_since_us", value.phase_since_us);
  visit("attempt", value.attempt);
  visit("snapshot_id", value.snapshot_id);
  visit("accelerator", value.accelerator);
  visit("pid", value.pid);
  visit("generation_id", value.generation_id);
  visit("wait", value.wait);
  visit("caused_by", value.caused_by);
  visit("requested_us", value.requested_us);
  visit("started_us", value.started_us);
  visit("stopped_us", value.stopped_us);
  visit("start_count", value.start_count);
  visit("restarts", value.restarts);
  visit("restart_at_us", value.restart_at_us);
  visit("delete_lock", value.delete_lock);
  visit("changed_us", value.changed_us);
  visit("force_stop", value.force_stop);
  visit("stop_grace_ms", value.stop_grace_ms);
  visit("standby", value.standby);
  visit("suspended_attempt", value.suspended_attempt);
  visit("suspended_bytes", value.suspended_bytes);
  visit("resumed_from", value.resumed_from);
  visit("becomes", value.becomes);
  visit("drain", value.drain);
  visit("last_setback", value.last_setback);
  visit("last_failure", value.last_failure);
  visit("last_stop", value.last_stop);
  visit("service_group_id", value.service_group_id);
  visit("requests_served", value.requests_served);
}

template <is_a<events::domain> T>
void describe(T& value, auto&& visit) {
  visit("name", value.name);
  visit("certificate", value.certificate);
}

template <is_a<service_group::settings> T>
void describe(T& value, auto&& visit) {
  visit("services", value.services);
  visit("domains", value.domains);
  visit("soft_limit", value.soft_limit);
  visit("hard_limit", value.hard_limit);
  visit("autokill_ms", value.autokill_ms);
}

template <is_a<events::scale_step> T>
void describe(T& value, auto&& visit) {
  visit("has_lower", value.has_lower);
  visit("lower", value.lower);
  visit("has_upper", value.has_upper);
  visit("upper", value.upper);
  visit("adjustment", value.adjustment);
}

template <is_a<events::scale_policy> T>
void describe(T& value, auto&& visit) {
  visit("name", value.name);
  visit("kind", value.kind);
  visit("enabled", value.enabled);
  visit("metric", value.metric);
  visit("adjustment_type", value.adjustment_type);
  visit("steps", value.steps);
  visit("idle_ms", value.idle_ms);
  visit("num_requests", value.num_requests);
  visit("replace", value.replace);
}

template <is_a<events::autoscale_configured> T>
void describe(T& value, auto&& visit) {
  visit("min_size", value.min_size);
  visit("max_size", value.max_size);
  visit("warmup_ms", value.warmup_ms);
  visit("cooldown_ms", value.cooldown_ms);
  visit("high_watermark", value.high_watermark);
  visit("template_id", value.template_id);
  visit("template_name", value.template_name);
  visit("roms", value.roms);
  visit("policies", value.policies);
}

template <is_a<service_group::state> T>
void describe(T& value, auto&& visit) {
  visit("id", value.id);
  visit("version", value.version);
  visit("name", value.name);
  visit("persistent", value.persistent);
  visit("settings", value.how);
  visit("lifecycle", value.phase);
  visit("created_us", value.created_us);
  visit("instances", value.instances);
  visit("empty_since_us", value.empty_since_us);
  visit("deletion_reason", value.deletion_reason);
  visit("scaling", value.scaling);
  visit("scaled", value.scaled);
  visit("leaving", value.leaving);
  visit("scaled_out_us", value.scaled_out_us);
  visit("scaled_in_us", value.scaled_in_us);
  visit("scale_failures", value.scale_failures);
  visit("scale_failed_us", value.scale_failed_us);
}

// Types that have a field list of their own.
template <class T>
concept described = requires(T& value) {
  describe(value, [](const char*, auto&) {});
};

}  // namespace platen::actors
