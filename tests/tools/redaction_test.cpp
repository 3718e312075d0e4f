#include "tools/platen/archive/redaction.hpp"

#include <catch2/catch.hpp>

using namespace platen;
using namespace platen::cli;

namespace {

events::envelope event_of(const std::string& stream, events::event what,
                          const std::string& principal = "alice") {
  events::envelope made;
  made.sequence = 1;
  made.stream = stream;
  made.why.principal = principal;
  made.what = std::move(what);
  return made;
}

}  // namespace

TEST_CASE("without rules nothing is withheld") {
  auto rules = redaction::parse({}, {});
  REQUIRE(rules);
  CHECK_FALSE(rules->withholds(event_of("template/a", events::template_deleted{})));
  CHECK(rules->in_words().empty());
  CHECK(rules->unmet().empty());
}

TEST_CASE("an event that meets any rule is withheld") {
  auto rules = redaction::parse(
      {}, {"type=PreparationFailed", "stream=instance/*", "principal=bob", "stream=request/1"});
  REQUIRE(rules);
  CHECK(rules->withholds(event_of("template/a", events::preparation_failed{})));
  CHECK(rules->withholds(event_of("instance/a", events::instance_deleted{})));
  CHECK(rules->withholds(event_of("template/a", events::template_deleted{}, "bob")));
  CHECK_FALSE(rules->withholds(event_of("template/a", events::template_deleted{})));
  CHECK(rules->unmet() == std::vector<std::string>{"stream=request/1"});
  CHECK(rules->in_words() ==
        "--redact type=PreparationFailed --redact stream=instance/* --redact principal=bob "
        "--redact stream=request/1");
}

TEST_CASE("events that are not asked for are withheld, and counted as not passed") {
  events::filter wanted;
  wanted.streams = {"template/a"};
  auto rules = redaction::parse(wanted, {});
  REQUIRE(rules);
  CHECK_FALSE(rules->withholds(event_of("template/a", events::template_deleted{})));
  CHECK(rules->withholds(event_of("template/b", events::template_deleted{})));
  CHECK(rules->passed() == 1);
  CHECK(rules->in_words() == "--stream template/a");
}

TEST_CASE("a rule that says nothing is refused by name") {
  for (const auto* bad : {"", "type", "type=", "=x", "colour=red", "PreparationFailed"}) {
    INFO(bad);
    const auto refused = redaction::parse({}, {bad});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == exit_code::usage);
    CHECK(refused.error().message.find("'" + std::string(bad) + "'") != std::string::npos);
  }
}
