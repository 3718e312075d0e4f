// The small rules that requests are read by.
#include <catch2/catch.hpp>

#include "http/connection/capacity.hpp"
#include "http/request/auth.hpp"
#include "http/request/base64.hpp"
#include "http/request/query_reader.hpp"
#include "http/request/text_rules.hpp"
#include "http/view/time.hpp"

using namespace platen::http;

TEST_CASE("base64 goes both ways and refuses what is none") {
  for (const std::string bytes : {"", "a", "ab", "abc", "abcd", "\xff\xfe\xfd"})
    CHECK(from_base64(to_base64(bytes)) == bytes);
  CHECK(to_base64("ab") == "YWI=");
  for (const std::string text : {"a", "YWI", "YW=I", "YWI=YWI=", "Y===", "YW I", "===="})
    CHECK_FALSE(from_base64(text));
}

TEST_CASE("names, host names and uuids") {
  CHECK(is_name("a"));
  CHECK(is_name("93ab8429c863343d"));
  CHECK(is_name("A.b_c-9"));
  CHECK(is_name(std::string(63, 'a')));
  for (const std::string text : {"", "-a", ".a", "a b", "a/b", "\xc3\xa4"})
    CHECK_FALSE(is_name(text));
  CHECK_FALSE(is_name(std::string(64, 'a')));
  CHECK(is_hostname("web-1"));
  for (const std::string text : {"", "-a", "a-", "a.b", "a_b"})
    CHECK_FALSE(is_hostname(text));
  CHECK(is_uuid("00000000-0000-4000-8000-00000000000A"));
  CHECK_FALSE(is_uuid("00000000-0000-4000-8000-00000000000"));
  CHECK_FALSE(is_uuid("00000000x0000-4000-8000-00000000000a"));
}

TEST_CASE("mount points are normalised, and some places are not for ROMs") {
  CHECK(normalise_mount_point("/mnt//a/./b/") == "/mnt/a/b");
  for (const std::string text : {"", "mnt", "/", "//", "/.", "/a/..", "/../a"})
    CHECK_FALSE(normalise_mount_point(text));
  CHECK_FALSE(normalise_mount_point("/" + std::string(255, 'a')));
  CHECK_FALSE(normalise_mount_point("/a\nb"));
  for (const std::string text : {"/uk", "/uk/x", "/proc", "/sys/a", "/dev/x"})
    CHECK(is_reserved_mount_point(text));
  for (const std::string text : {"/ukx", "/mnt/uk", "/devel"})
    CHECK_FALSE(is_reserved_mount_point(text));
}

TEST_CASE("paths of files in a ROM stay inside it") {
  CHECK(normalise_file_path("a//b/./c") == "a/b/c");
  for (const std::string text : {"", "/a", "a/", "..", "a/../b", ".", "./"})
    CHECK_FALSE(normalise_file_path(text));
}

TEST_CASE("clients read moments with whole seconds") {
  CHECK(to_seconds_text(1'700'000'000'999'999) == "2023-11-14T22:13:20Z");
}

TEST_CASE("query strings are decoded, repeated values kept, surprises reported") {
  first_problem problem;
  query_reader query("/x?name=a%2Fb&name=c+d&flag=true&n=-7&bad=%zz", problem);
  CHECK(query.all("name") == std::vector<std::string>{"a/b", "c d"});
  CHECK(query.boolean("flag") == true);
  CHECK(query.integer("n", -10, 10) == -7);
  CHECK(query.text("bad", 10) == "%zz");
  query.refuse_others();
  CHECK_FALSE(problem.found());
  query.integer("n", 0, 10);
  CHECK(problem.error()->message == "the query parameter 'n' must be an integer from 0 to 10");
}

TEST_CASE("only complete known tokens authenticate") {
  const token_set tokens({{"one", ""}, {"two", "team"}});
  CHECK(tokens.caller_of("Bearer one")->principal != tokens.caller_of("Bearer two")->principal);
  CHECK(tokens.caller_of("Bearer one")->scope.empty());
  CHECK(tokens.caller_of("Bearer two")->scope == "team");
  CHECK(tokens.caller_of("BEARER  one").has_value());
  for (const std::string header : {"", "Bearer ", "Bearer on", "Bearer onee", "one", "Basic one"})
    CHECK_FALSE(tokens.caller_of(header));
}

TEST_CASE("a capacity gives out what it has and takes it back") {
  capacity places(2);
  auto first = places.try_take();
  {
    const auto second = places.try_take();
    CHECK(second);
    CHECK_FALSE(places.try_take());
  }
  CHECK(places.used() == 1);
  CHECK_FALSE(places.try_take(2));
  first.reset();
  CHECK(places.used() == 0);
  CHECK_FALSE(places.try_take(3));
}
