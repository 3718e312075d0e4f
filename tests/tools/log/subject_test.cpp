#include "tools/platen/log/subject.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/log/written_log.hpp"

using namespace platen;
using namespace platen::cli;

namespace {

result<subject> found_in(const tests::written_log& log, const std::string& text) {
  const auto copy = spool::of(log.log());
  REQUIRE(copy);
  return find_subject(*copy, *read_names(*copy), text);
}

}  // namespace

TEST_CASE("a subject is found by name, UUID, the beginning of one, or request id") {
  tests::written_log log;
  write_shared_preparation(log);
  CHECK(found_in(log, "web")->stream == tests::template_stream(1));
  CHECK(found_in(log, "web")->label == "template web");
  CHECK(found_in(log, "instance/one")->stream == tests::instance_stream(2));
  CHECK(found_in(log, tests::id_of(3))->stream == tests::instance_stream(3));
  CHECK(found_in(log, "a0000001")->stream == tests::template_stream(1));
  CHECK(found_in(log, "req-b")->request_id == "req-b");
}

TEST_CASE("what a UUID beginning could also mean is listed") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto which = found_in(log, "a000");
  REQUIRE(!which);
  CHECK(which.error().message.rfind("'a000' is ambiguous: template web (", 0) == 0);
  CHECK(which.error().message.find("instance two (") != std::string::npos);
}

TEST_CASE("a name that both a template and an instance have is ambiguous without its kind") {
  tests::written_log log;
  log.add(tests::template_stream(1), tests::wanted_template("web"));
  log.add(tests::instance_stream(2), tests::wanted_clone("web", 1));
  CHECK(!found_in(log, "web"));
  CHECK(found_in(log, "template/web")->stream == tests::template_stream(1));
}

TEST_CASE("of those who had a name one after the other, the living one is meant") {
  tests::written_log log;
  log.add(tests::template_stream(1), tests::wanted_template("web"));
  log.add(tests::template_stream(1), events::template_deleted{});
  log.add(tests::template_stream(2), tests::wanted_template("web"));
  const auto about = found_in(log, "web");
  CHECK(about->stream == tests::template_stream(2));
  CHECK(about->namesakes == std::vector{tests::template_stream(1)});
}

TEST_CASE("what is not in the log is not found, and a near name is offered") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto which = found_in(log, "webb");
  REQUIRE(!which);
  CHECK(which.error().code == exit_code::not_found);
  CHECK(which.error().message ==
        "the log has no template, instance, service or request 'webb'; did you mean 'web'?");
  CHECK(found_in(log, "").error().code == exit_code::not_found);
  CHECK(found_in(log, "template/").error().code == exit_code::not_found);
}
