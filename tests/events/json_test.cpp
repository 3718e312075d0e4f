#include "events/json.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "tests/events/every_event.hpp"

using namespace platen::events;
using nlohmann::json;

namespace {

envelope enclose(event what) {
  envelope value;
  value.sequence = 12;
  value.stream = "instance/i";
  value.version = 2;
  value.time_us = 1'763'791'200'000'001;
  value.why = {"req \"1\"", "token\xff", origin::timer, "stop"};
  value.previous_hash = sha256_of("before");
  value.what = std::move(what);
  encode(value);
  return value;
}

std::string one_line(const envelope& value) {
  const std::string line = to_json(value);
  CHECK(line.find('\n') == std::string::npos);
  return line;
}

}  // namespace

TEST_CASE("the JSON view has every part of the envelope") {
  const auto value = enclose(instance_stopped{{}, 3, true, -9, false, "asked to"});
  const auto view = json::parse(one_line(value));
  CHECK(view["sequence"] == 12);
  CHECK(view["stream"] == "instance/i");
  CHECK(view["version"] == 2);
  CHECK(view["type"] == "InstanceStopped");
  CHECK(view["schema"] == schema_version);
  CHECK(view["time"] == "2025-11-22T06:00:00.000001Z");
  CHECK(view["origin"] == "timer");
  CHECK(view["principal"] == "token\uFFFD");
  CHECK(view["request_id"] == "req \"1\"");
  CHECK(view["command"] == "stop");
  CHECK(view["previous_hash"] == to_hex(value.previous_hash));
  CHECK(view["hash"] == to_hex(value.hash));
  CHECK(view["data"] == json{{"attempt", 3},
                             {"by_user", true},
                             {"exit_code", -9},
                             {"exit_known", false},
                             {"reason", "asked to"}});
  CHECK(view.size() == 13);
}

TEST_CASE("the JSON view shows every field of every event") {
  const auto schema = testing::parse_schema();
  for (const auto& event : testing::every_event({"text", 1, false})) {
    INFO(type_name(event));
    const auto data = json::parse(one_line(enclose(event)))["data"];
    const auto* const table =
        schema->LookupStruct("platen.events.wire." + std::string(type_name(event)));
    CHECK(data.size() == table->fields.vec.size());
    for (const auto* const field : table->fields.vec)
      CHECK(data.contains(field->name));
  }
}

TEST_CASE("numbers keep their value and absent numbers are shown as zero") {
  template_snapshotted snapshotted;
  snapshotted.memory_bytes = ~std::uint64_t{0};
  const auto data = json::parse(data_to_json(snapshotted));
  CHECK(data["memory_bytes"] == ~std::uint64_t{0});
  CHECK(data["disk_bytes"] == 0);
}

TEST_CASE("awkward content gives strict JSON in ASCII") {
  for (const auto& event : testing::every_awkward_event()) {
    const std::string line = one_line(enclose(event));
    CHECK(json::accept(line));
    CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

TEST_CASE("any bytes in a console tail give valid JSON, and valid text survives") {
  std::mt19937 random(4711);
  for (int round = 0; round < 500; ++round) {
    instance_failed failed;
    const auto size = random() % 64;
    for (std::size_t i = 0; i < size; ++i)
      failed.console_tail += static_cast<char>(random());
    if (!json::accept(data_to_json(failed))) FAIL(to_hex(failed.console_tail));
    if (!json::accept(json_string(failed.console_tail))) FAIL(to_hex(failed.console_tail));
  }
  instance_failed spoken;
  spoken.console_tail = "\\x41 \\\\x41 Gr\u00fc\u00dfe \U0001F600\x01";
  CHECK(json::parse(data_to_json(spoken))["console_tail"] == spoken.console_tail);
  CHECK(json::parse(json_string(spoken.console_tail)) == spoken.console_tail);
  spoken.console_tail =
      "a\xff"
      "b\xc3";
  CHECK(json::parse(data_to_json(spoken))["console_tail"] == "a\uFFFDb\uFFFD");
}

TEST_CASE("an event whose payload was withheld says so") {
  CHECK(data_to_json(unknown_event{"PreparationFailed", ""}) == R"({"withheld":true})");
  CHECK(data_to_json(unknown_event{"FromTheFuture", ""}) == R"({"bytes":""})");
}

TEST_CASE("an unknown event is shown as its bytes in base64") {
  const auto shown = [](const std::string& bytes) {
    return json::parse(data_to_json(unknown_event{"X", bytes}))["bytes"];
  };
  CHECK(shown("") == "");
  CHECK(shown("f") == "Zg==");
  CHECK(shown("foobar") == "Zm9vYmFy");
  CHECK(shown(std::string("\0\xff", 2)) == "AP8=");
  CHECK(json::parse(to_json(enclose(unknown_event{"\"Odd\"", ""})))["type"] == "\"Odd\"");
}

TEST_CASE("times are RFC 3339 with microseconds") {
  CHECK(to_rfc3339(0) == "1970-01-01T00:00:00.000000Z");
  CHECK(to_rfc3339(-1) == "1969-12-31T23:59:59.999999Z");
  CHECK(to_rfc3339(951'782'400'000'000) == "2000-02-29T00:00:00.000000Z");
  CHECK(to_rfc3339(std::numeric_limits<std::int64_t>::max()) == "9999-12-31T23:59:59.999999Z");
  CHECK(to_rfc3339(std::numeric_limits<std::int64_t>::min()) == "0000-01-01T00:00:00.000000Z");
}
