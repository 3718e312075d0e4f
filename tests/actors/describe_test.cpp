// The field lists of the states, through what is made of them.
#include <catch2/catch.hpp>

#include "actors/state_changes.hpp"
#include "actors/state_codec.hpp"
#include "tests/events/every_event.hpp"

using namespace platen;
using namespace platen::actors;

namespace {

// A state in which no field has its default value.
vm_template::state full_template() {
  vm_template::state value;
  value.id = "t";
  value.version = 3;
  value.name = "web";
  for (const auto& event : events::testing::every_event({"text", 2, false}))
    if (const auto* requested = std::get_if<events::template_requested>(&event))
      value.spec = *requested->spec;
  value.fingerprint = "f";
  value.prepare_timeout_ms = 1;
  value.autokill_ms = 2;
  value.delete_lock = true;
  value.cold = true;
  value.parent_id = "p";
  value.parent_name = "worker";
  value.phase = vm_template::lifecycle::snapshotted;
  value.created_us = -3;
  value.phase_since_us = 4;
  value.attempt = 5;
  value.consecutive_failures = 6;
  value.deadline_us = 7;
  value.retry_at_us = 8;
  value.parent_snapshot_id = "p-1";
  value.changed_us = 12;
  value.accelerator = "tcg";
  value.pid = 9;
  value.caused_by = "req";
  value.last_failure = vm_template::failure{1, "boot", "panic", std::string("\0\xff", 2), 2, 3};
  value.ready = vm_template::snapshot{"s", "kvm", "m", 1, 2, 3, 4};
  value.clones_in_flight = {"a", "b"};
  value.holders = {"a", "c"};
  value.clones_made = 10;
  value.last_clone_us = 11;
  return value;
}

instance::state full_instance() {
  instance::state value;
  value.id = "i";
  value.version = 3;
  value.name = "one";
  value.template_id = "t";
  value.template_name = "web";
  value.spec = full_template().spec;
  value.phase = instance::lifecycle::stopping;
  value.created_us = 1;
  value.phase_since_us = 2;
  value.attempt = 3;
  value.snapshot_id = "s";
  value.accelerator = "tcg";
  value.pid = 4;
  value.generation_id = "g";
  value.wait = 2;
  value.caused_by = "req";
  value.requested_us = 5;
  value.started_us = 6;
  value.stopped_us = 7;
  value.start_count = 8;
  value.restarts = 10;
  value.restart_at_us = 11;
  value.delete_lock = true;
  value.changed_us = 12;
  value.force_stop = true;
  value.stop_grace_ms = 9;
  value.last_failure = instance::failure{"boot", "panic", "console", 1};
  value.last_stop = instance::stop_facts{true, true, -1, "asked"};
  value.service_group_id = "g";
  value.standby = true;
  value.suspended_attempt = 13;
  value.suspended_bytes = 14;
  value.resumed_from = 15;
  value.becomes = instance::conversion{"s", 16, true};
  value.drain = instance::draining{18, true, 19};
  value.requests_served = 20;
  value.last_setback = instance::failure{"suspend", "full", "", 17};
  return value;
}

}  // namespace

// A field that describe() does not name would come back with its default value.
TEST_CASE("a state comes back from its bytes with every field") {
  CHECK(decode_template(encode_state(full_template())) == full_template());
  CHECK(decode_instance(encode_state(full_instance())) == full_instance());
  CHECK(decode_template(encode_state(vm_template::state{})) == vm_template::state{});
  CHECK(decode_instance(encode_state(instance::state{})) == instance::state{});
}

TEST_CASE("bytes that were cut off anywhere, or go on, are refused") {
  const auto whole = encode_state(full_template());
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(decode_template(whole.substr(0, size)));
  CHECK_FALSE(decode_template(whole + '\0'));
  CHECK_FALSE(decode_instance(whole));
}

TEST_CASE("a length beyond the bytes, or a lifecycle there is not, is refused") {
  auto bytes = encode_state(instance::state{});
  bytes[3] = '\x7f';
  CHECK_FALSE(decode_instance(bytes));
  auto unknown = full_template();
  unknown.phase = static_cast<vm_template::lifecycle>(99);
  CHECK_FALSE(decode_template(encode_state(unknown)));
}

TEST_CASE("the hash of a state changes with each of its fields") {
  auto changed = full_template();
  changed.clones_in_flight.erase("b");
  CHECK(state_hash(changed) != state_hash(full_template()));
  changed = full_template();
  changed.spec.services[1].host_port = 0;
  CHECK(state_hash(changed) != state_hash(full_template()));
  CHECK(state_hash(full_instance()) == state_hash(full_instance()));
}

TEST_CASE("the state format is a name that does not change between two runs") {
  CHECK(state_format() == state_format());
  CHECK(state_format().starts_with("state-1-"));
}

TEST_CASE("changes are told field by field, in order") {
  const auto before = full_template();
  auto after = before;
  CHECK(changes(before, after).empty());
  after.phase = vm_template::lifecycle::preparation_failed;
  after.attempt = 6;
  after.ready.reset();
  after.clones_in_flight.erase("a");
  const std::vector<field_change> expected = {
      {"lifecycle", "\"snapshotted\"", "\"preparation_failed\""},
      {"attempt", "5", "6"},
      {"clones_in_flight[0]", "\"a\"", "\"b\""},
      {"snapshot.id", "\"s\"", "null"},
      {"snapshot.accelerator", "\"kvm\"", "null"},
      {"snapshot.manifest_sha256", "\"m\"", "null"},
      {"snapshot.memory_bytes", "1", "null"},
      {"snapshot.state_bytes", "2", "null"},
      {"snapshot.disk_bytes", "3", "null"},
      {"snapshot.taken_us", "4", "null"},
      {"clones_in_flight[1]", "\"b\"", "null"},
  };
  CHECK(changes(before, after) == expected);
}

TEST_CASE("a value that was not there before changes from null") {
  auto after = full_instance();
  auto before = after;
  before.last_stop.reset();
  const auto told = changes(before, after);
  REQUIRE(told.size() == 4);
  CHECK(told[0] == field_change{"last_stop.by_user", "null", "true"});
  CHECK(told[3] == field_change{"last_stop.reason", "null", "\"asked\""});
}
