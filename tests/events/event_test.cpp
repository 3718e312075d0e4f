#include "events/event.hpp"

#include <flatbuffers/idl.h>

#include <catch2/catch.hpp>

#include "events/envelope.hpp"
#include "tests/events/every_event.hpp"

using namespace platen::events;

TEST_CASE("every event has the name it has in the schema") {
  CHECK(type_name(preparation_started{}) == "PreparationStarted");
  CHECK(type_name(daemon_stopped{}) == "DaemonStopped");
  CHECK(type_name(unknown_event{"FromTheFuture", ""}) == "FromTheFuture");
  std::set<std::string_view> names;
  for (const auto& event : testing::every_event({"x"}))
    names.insert(type_name(event));
  CHECK(names.size() == static_cast<std::size_t>(wire::Payload::MAX));
}

TEST_CASE("origins have names that lead back to them") {
  for (const auto value : {origin::api, origin::guest, origin::timer, origin::gateway,
                           origin::reconcile, origin::system})
    CHECK(origin_from_string(to_string(value)) == value);
  CHECK(to_string(origin::reconcile) == "reconcile");
  CHECK_FALSE(origin_from_string("API"));
  CHECK_FALSE(origin_from_string(""));
}

TEST_CASE("no field of the schema is required: old records would stop verifying") {
  const auto schema = testing::parse_schema();
  for (const auto* const table : schema->structs_.vec)
    for (const auto* const field : table->fields.vec) {
      INFO(table->name << "." << field->name);
      CHECK_FALSE(field->IsRequired());
    }
}
