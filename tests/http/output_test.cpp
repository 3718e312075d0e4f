// GET .../log.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace platen::testing;

TEST_CASE("output is told in base64 with what there is and what was read") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  const auto told = at.get("/v1/instances/" + uuid + "/log");
  CHECK(told.item() == json{{"status", "success"},
                            {"uuid", uuid},
                            {"name", "a"},
                            {"output", "bGluZSBvbmUKbGluZSB0d28K"},
                            {"available", {{"start", 0}, {"end", 18}}},
                            {"range", {{"start", 0}, {"end", 18}}},
                            {"state", "running"}});
}

TEST_CASE("offset counts from the start or the end, and limit cuts") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto last = at.get("/v1/instances/log?name=a&offset=-4&limit=100");
  CHECK(last.item().at("output") == "dHdvCg==");
  CHECK(last.item().at("range") == json{{"start", 14}, {"end", 18}});
  const auto cut = at.get("/v1/instances/log", R"([{"name":"a","offset":5,"limit":3}])");
  CHECK(cut.item().at("output") == "b25l");
  CHECK(cut.item().at("range") == json{{"start", 5}, {"end", 8}});
}

TEST_CASE("beyond the end the output and the range are empty") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto told = at.get("/v1/instances/log?name=a&offset=1000");
  CHECK(told.body.at("status") == "success");
  CHECK(told.item().at("output") == "");
  CHECK(told.item().at("range") == json{{"start", 0}, {"end", 0}});
}

TEST_CASE("a page is at most 64 KiB however much is asked for") {
  fixture at;
  at.control.output = std::string(100'000, 'x');
  at.instance("a", instance_phase::running);
  const auto told = at.get("/v1/instances/log?name=a&limit=99999999");
  CHECK(told.item().at("range").at("end") == 65536);
}

TEST_CASE("the console is another log, for templates too") {
  fixture at;
  at.prepared_template("t", template_phase::preparing);
  const auto told = at.get("/v1/instances/templates/log?name=t&kind=console");
  CHECK(told.item().at("output") == "Y29uc29sZQ==");
  CHECK(told.item().at("state") == "starting");
  CHECK(at.get("/v1/instances/templates/log?name=x").item().at("message") ==
        "No instance template with name 'x'");
}

TEST_CASE("log options are checked") {
  fixture at;
  for (const std::string query : {"kind=dmesg", "limit=0", "limit=-1", "offset=x"})
    CHECK(at.get("/v1/instances/log?name=a&" + query).status == 400);
  CHECK(at.get("/v1/instances/log").status == 400);
}
