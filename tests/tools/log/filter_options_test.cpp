#include "tools/platen/log/filter_options.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/log/written_log.hpp"

using namespace platen;
using namespace platen::cli;

namespace {

name_book names_of(const tests::written_log& log) {
  name_book names;
  for (const auto& event : log.all())
    names.note(event);
  return names;
}

result<events::filter> filter_of(const filter_wish& wish, const name_book& names = {}) {
  return to_filter(wish, names, 100, 0);
}

}  // namespace

TEST_CASE("a type that does not exist is refused with the nearest that does") {
  filter_wish wish;
  wish.types = {"PreparationFialed"};
  const auto filter = filter_of(wish);
  REQUIRE(!filter);
  CHECK(filter.error().code == exit_code::usage);
  CHECK(filter.error().message ==
        "--type: there is no 'PreparationFialed'; did you mean 'PreparationFailed'?");
}

TEST_CASE("an origin that does not exist is refused with the nearest that does") {
  filter_wish wish;
  wish.origins = {"gest"};
  const auto filter = filter_of(wish);
  REQUIRE(!filter);
  CHECK(filter.error().message == "--origin: there is no 'gest'; did you mean 'guest'?");
}

TEST_CASE("an origin like none that exists is answered with all of them") {
  filter_wish wish;
  wish.origins = {"somewhere else"};
  const auto filter = filter_of(wish);
  REQUIRE(!filter);
  CHECK(filter.error().message.find("api, guest, timer, gateway, reconcile, system") !=
        std::string::npos);
}

TEST_CASE("every type of the schema is accepted") {
  filter_wish wish;
  wish.types = event_types();
  REQUIRE(filter_of(wish));
  CHECK(event_types().size() == std::variant_size_v<events::event> - 1);
}

TEST_CASE("a stream is named by KIND/NAME, the beginning of a UUID, or a pattern") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto names = names_of(log);
  filter_wish wish;
  wish.streams = {"template/web", "instance/a0000002", "instance/*", "system/platend"};
  const auto filter = filter_of(wish, names);
  REQUIRE(filter);
  CHECK(filter->streams == std::vector<std::string>{tests::template_stream(1),
                                                    tests::instance_stream(2), "instance/*",
                                                    "system/platend"});
}

TEST_CASE("a name that was used again means all who had it") {
  tests::written_log log;
  log.add(tests::template_stream(1), tests::wanted_template("web"));
  log.add(tests::template_stream(1), events::template_deleted{});
  log.add(tests::template_stream(2), tests::wanted_template("web"));
  filter_wish wish;
  wish.streams = {"template/web"};
  const auto filter = filter_of(wish, names_of(log));
  REQUIRE(filter);
  CHECK(filter->streams ==
        std::vector<std::string>{tests::template_stream(1), tests::template_stream(2)});
}

TEST_CASE("a stream nobody has is not found, and a near name is offered") {
  tests::written_log log;
  write_shared_preparation(log);
  filter_wish wish;
  wish.streams = {"template/wbe"};
  const auto filter = filter_of(wish, names_of(log));
  REQUIRE(!filter);
  CHECK(filter.error().code == exit_code::not_found);
  CHECK(filter.error().message == "--stream: the log has no template 'wbe'; did you mean 'web'?");
}

TEST_CASE("a stream without a kind is a mistake of the command line") {
  for (const auto* text : {"web", "/web", "template/"}) {
    filter_wish wish;
    wish.streams = {text};
    const auto filter = filter_of(wish);
    REQUIRE(!filter);
    CHECK(filter.error().code == exit_code::usage);
  }
}

TEST_CASE("a negative --after counts from the newest event") {
  filter_wish wish;
  wish.after = -20;
  CHECK(filter_of(wish)->after == 80);
  wish.after = -200;
  CHECK(filter_of(wish)->after == 0);
  wish.after = INT64_MIN;
  CHECK(filter_of(wish)->after == 0);
  wish.after = 7;
  CHECK(filter_of(wish)->after == 7);
}

TEST_CASE("a time that is none names its option") {
  filter_wish wish;
  wish.until = "yesterday";
  const auto filter = filter_of(wish);
  REQUIRE(!filter);
  CHECK(filter.error().message.rfind("--until: 'yesterday' is no time", 0) == 0);
}
