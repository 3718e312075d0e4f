#include "tools/platen/output.hpp"

#include <catch2/catch.hpp>

#include "tools/platen/base64.hpp"

using namespace platen::cli;

TEST_CASE("text from a guest cannot move a terminal's cursor") {
  CHECK(printable("a\x1b[2Jb\rc\x7f") == "a?[2Jb?c?");
  CHECK(printable("two\nlines\tand a tab") == "two\nlines\tand a tab");
}

TEST_CASE("sizes and durations are short") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(8ull << 30) == "8.0 GiB");
  CHECK(human_seconds(59) == "59s");
  CHECK(human_seconds(61) == "1m01s");
  CHECK(human_seconds(7500) == "2h05m");
  CHECK(human_seconds(273'600) == "3d4h");
}

TEST_CASE("a member that is missing, null or empty is shown as a dash") {
  const auto object = json::parse(R"({"name":"web","none":null,"empty":"","count":3})");
  CHECK(text_of(object, "name") == "web");
  CHECK(text_of(object, "count") == "3");
  CHECK(text_of(object, "none") == "-");
  CHECK(text_of(object, "empty") == "-");
  CHECK(text_of(object, "missing") == "-");
}

TEST_CASE("base64 of any length comes back as it was") {
  std::string bytes;
  for (int length = 0; length < 70; ++length) {
    CHECK(from_base64(to_base64(bytes)) == bytes);
    bytes += static_cast<char>(length * 37);
  }
  CHECK(to_base64("Platen") == "UGxhdGVu");
}

TEST_CASE("text that is not base64 is refused") {
  CHECK(from_base64("abc") == std::nullopt);
  CHECK(from_base64("ab!?") == std::nullopt);
}
