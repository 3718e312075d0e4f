#include "events/hash.hpp"

#include <catch2/catch.hpp>

using namespace platen::events;

TEST_CASE("sha256_of gives the digests of the standard") {
  CHECK(to_hex(sha256_of("")) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256_of("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256_of(std::string(1'000'000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256 does not care how the bytes were cut and starts over after finish") {
  sha256 hasher;
  CHECK(hasher.update("a").update("").update("bc").finish() == sha256_of("abc"));
  CHECK(hasher.update("abc").finish() == sha256_of("abc"));
  const digest first = sha256_of("x");
  CHECK(hasher.update(first).finish() == sha256_of(as_bytes(first)));
}

TEST_CASE("hex goes both ways and refuses what is not hex") {
  const std::string every_digit = "0123456789abcdef";
  CHECK(to_hex(*from_hex(every_digit)) == every_digit);
  CHECK(from_hex("FF00") == std::string("\xff\0", 2));
  CHECK(from_hex("") == "");
  for (const char* const wrong : {"0", "0g", "g0", " 0", "0x00", "abc"})
    CHECK_FALSE(from_hex(wrong));

  const digest value = sha256_of("abc");
  CHECK(digest_from_hex(to_hex(value)) == value);
  CHECK_FALSE(digest_from_hex(to_hex(value) + "00"));
  CHECK_FALSE(digest_from_hex("00"));
}
