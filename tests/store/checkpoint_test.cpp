#include "store/checkpoint.hpp"

#include <catch2/catch.hpp>

#include "events/hash.hpp"
#include "store/append_and_wait.hpp"
#include "store/checkpoint_check.hpp"
#include "store/memory_log.hpp"

using namespace platen;
using namespace platen::store;

namespace {

const checkpoint example{{7, events::sha256_of("head")}, std::string(64, 'a'), "state-1", 3};

// A log of three events and a checkpoint of the second.
struct vouched_log {
  vouched_log() {
    for (std::uint64_t version = 0; version < 3; ++version)
      append("template/7", version, events::guest_signalled{});
    append("system/checkpoints", 0, key.sign({head_of(2), "", "", 0}).value());
  }
  void append(const std::string& stream, std::uint64_t version, events::event what) {
    REQUIRE(append_and_wait(log, {stream, version, {"r", "p", {}}, 1, {std::move(what)}}));
  }
  head head_of(std::uint64_t sequence) const {
    head found;
    REQUIRE(log.read_all(sequence - 1, [&](const auto& event) {
      found = {event.sequence, event.hash};
      return false;
    }));
    return found;
  }
  std::optional<std::string> check(checkpoint_check& with) const {
    std::optional<std::string> wrong;
    REQUIRE(log.read_all(0, [&](const auto& event) {
      wrong = with.next(event);
      return !wrong;
    }));
    return wrong;
  }
  signing_key key = signing_key::generate().value();
  memory_log log;
};

}  // namespace

TEST_CASE("a signed checkpoint verifies with the key it names") {
  const auto key = signing_key::generate().value();
  const auto value = key.sign(example).value();
  CHECK(value.through == 7);
  CHECK(value.head_hash == events::to_hex(example.at.hash));
  CHECK(value.public_key == key.public_key());
  CHECK(check_signature(value));
}

TEST_CASE("a change of any signed field is noticed") {
  const auto good = signing_key::generate().value().sign(example).value();
  const auto changed = [&](auto change) {
    auto value = good;
    change(value);
    return check_signature(value).has_value();
  };
  CHECK_FALSE(changed([](auto& v) { ++v.through; }));
  CHECK_FALSE(changed([](auto& v) { v.head_hash[0] ^= 1; }));
  CHECK_FALSE(changed([](auto& v) { v.state_hash.clear(); }));
  CHECK_FALSE(changed([](auto& v) { v.state_format += "x"; }));
  CHECK_FALSE(changed([](auto& v) { ++v.entities; }));
  CHECK_FALSE(
      changed([](auto& v) { v.public_key = signing_key::generate().value().public_key(); }));
  CHECK_FALSE(changed([](auto& v) { v.public_key = "?"; }));
  CHECK_FALSE(changed([](auto& v) { v.signature.pop_back(); }));
}

TEST_CASE("a key is the same after it was written and read") {
  const auto key = signing_key::generate().value();
  const auto read = signing_key::from_pem(key.to_pem()).value();
  CHECK(read.public_key() == key.public_key());
  CHECK(read.sign(example).value().signature == key.sign(example).value().signature);
  CHECK_FALSE(signing_key::from_pem("no key"));
}

TEST_CASE("a public key is read from hex or PEM, nothing else") {
  const std::string pem =
      "-----BEGIN PUBLIC KEY-----\n"
      "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
      "-----END PUBLIC KEY-----\n";
  const std::string hex = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  CHECK(read_public_key(pem).value() == hex);
  CHECK(read_public_key(hex + "\n").value() == hex);
  CHECK_FALSE(read_public_key(hex.substr(1)));
  CHECK_FALSE(read_public_key(""));
}

TEST_CASE("P6: a log agrees with its checkpoints") {
  const vouched_log vouched;
  checkpoint_check check(vouched.key.public_key());
  CHECK(vouched.check(check) == std::nullopt);
  CHECK(check.checked() == 1);
  CHECK(check.covered() == 2);
}

TEST_CASE("P6: a log written anew with right hashes does not agree with a checkpoint of the old") {
  vouched_log vouched;
  auto other = vouched.head_of(3);
  other.hash[0] ^= 1;
  vouched.append("system/checkpoints", 1, vouched.key.sign({other, "", "", 0}).value());
  checkpoint_check check(std::nullopt);
  CHECK(vouched.check(check).value().find("another event 3") != std::string::npos);
}

TEST_CASE("P6: a checkpoint signed by somebody else is refused where a key is trusted") {
  const vouched_log vouched;
  checkpoint_check check(signing_key::generate().value().public_key());
  CHECK(vouched.check(check).value().find("not with") != std::string::npos);
}

TEST_CASE("a checkpoint of an event that comes later is refused") {
  vouched_log vouched;
  vouched.append("system/checkpoints", 1,
                 vouched.key.sign({{99, events::digest{}}, "", "", 0}).value());
  checkpoint_check check(std::nullopt);
  CHECK(vouched.check(check).value().find("comes later") != std::string::npos);
}
