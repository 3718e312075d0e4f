#include "hypervisor/guest/frame.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace guest = platen::guest;
namespace wire = platen::guest::wire;

namespace {

std::vector<std::uint8_t> hello(std::uint64_t nonce) {
  wire::HelloT body;
  body.protocol = guest::protocol_version;
  body.nonce = nonce;
  return guest::encode_body(std::move(body)).value();
}

std::vector<std::uint8_t> operator+(std::vector<std::uint8_t> left,
                                    const std::vector<std::uint8_t>& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

std::vector<std::uint64_t> nonces(const std::vector<guest::verified_message>& messages) {
  std::vector<std::uint64_t> result;
  for (const auto& message : messages) {
    const auto* body = message.as<wire::Hello>();
    result.push_back(body != nullptr ? body->nonce() : 0);
  }
  return result;
}

std::vector<std::uint8_t> header(std::uint32_t length) {
  std::vector<std::uint8_t> bytes{'P', 'L', 'T', 'N'};
  for (int shift = 0; shift < 32; shift += 8)
    bytes.push_back(static_cast<std::uint8_t>(length >> shift));
  return bytes;
}

using numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("a frame begins with its magic and its payload's length") {
  const auto frame = hello(7);
  CHECK(std::string(frame.begin(), frame.begin() + 4) == "PLTN");
  CHECK(frame[4] + 256 * frame[5] == static_cast<int>(frame.size() - guest::frame_header_bytes));
}

TEST_CASE("a message comes out as it went in") {
  wire::StartT start;
  start.args = {"/bin/sh", "-c", "echo \"hi\""};
  start.env.push_back(std::make_unique<wire::VariableT>());
  start.env[0]->name = "KEY";
  start.env[0]->value = "value";
  start.time_ns = 1'700'000'000'123'456'789;
  guest::frame_decoder decoder;
  const auto messages = decoder.feed(guest::encode_body(std::move(start)).value());
  REQUIRE(messages.size() == 1);
  const auto* body = messages[0].as<wire::Start>();
  REQUIRE(body != nullptr);
  CHECK(body->args()->size() == 3);
  CHECK(body->args()->Get(2)->str() == "echo \"hi\"");
  CHECK(body->env()->Get(0)->value()->str() == "value");
  CHECK(body->time_ns() == 1'700'000'000'123'456'789);
  CHECK(messages[0].as<wire::Hello>() == nullptr);
}

TEST_CASE("frames are recognised wherever the stream is cut") {
  const auto stream = hello(1) + hello(2) + hello(3);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    guest::frame_decoder decoder;
    numbers seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      const std::span part(stream.data() + at, std::min(piece, stream.size() - at));
      for (const auto nonce : nonces(decoder.feed(part)))
        seen.push_back(nonce);
    }
    REQUIRE(seen == numbers{1, 2, 3});
    REQUIRE(decoder.skipped_bytes() == 0);
  }
}

TEST_CASE("bytes that are no frame are skipped up to the next magic") {
  guest::frame_decoder decoder;
  const std::vector<std::uint8_t> garbage{'P', 'L', 'P', 'L', 'T', 0, 255, 'P', 'L', 'T'};
  CHECK(nonces(decoder.feed(garbage + hello(5) + garbage + hello(6))) == numbers{5, 6});
  CHECK(decoder.skipped_bytes() == 2 * garbage.size());
}

TEST_CASE("a length over the limit is not waited for") {
  guest::frame_decoder decoder;
  CHECK(nonces(decoder.feed(header(guest::frame_payload_limit + 1) + hello(9))) == numbers{9});
  CHECK(nonces(decoder.feed(header(0xffffffff) + hello(10))) == numbers{10});
}

TEST_CASE("a payload that does not verify is skipped, and a frame inside of it is found") {
  guest::frame_decoder decoder;
  const auto inner = hello(11);
  const auto false_frame = header(static_cast<std::uint32_t>(inner.size() + 3));
  CHECK(nonces(decoder.feed(false_frame + std::vector<std::uint8_t>{1, 2, 3} + inner +
                            hello(12))) == numbers{11, 12});
}

TEST_CASE("a message without a body is not a message") {
  const auto frame = guest::encode_frame(wire::MessageT{}).value();
  guest::frame_decoder decoder;
  CHECK(decoder.feed(frame).empty());
  CHECK(nonces(decoder.feed(hello(13))) == numbers{13});
}

TEST_CASE("a sender replaced in the middle of a frame hides nothing once its frame is given up") {
  guest::frame_decoder decoder;
  auto cut = guest::encode_body([] {
               wire::FailedT body;
               body.reason = std::string(1000, 'x');
               return body;
             }())
                 .value();
  cut.resize(40);
  CHECK(decoder.feed(cut + hello(14)).empty());
  CHECK(decoder.partial());
  CHECK(nonces(decoder.abandon_partial()) == numbers{14});
  CHECK_FALSE(decoder.partial());
  CHECK(decoder.abandon_partial().empty());
}

TEST_CASE("a message too big for a frame is refused with both sizes") {
  wire::FailedT body;
  body.reason = std::string(guest::frame_payload_limit, 'x');
  const auto frame = guest::encode_body(std::move(body));
  REQUIRE_FALSE(frame);
  CHECK(frame.error().find("65536") != std::string::npos);
}

TEST_CASE("damaged payloads and noise never hide a later frame") {
  std::mt19937 random(20);
  for (int round = 0; round < 300; ++round) {
    guest::frame_decoder decoder;
    auto damaged = hello(1);
    for (int flips = 0; flips < 3; ++flips) {
      const auto at =
          guest::frame_header_bytes + random() % (damaged.size() - guest::frame_header_bytes);
      damaged[at] ^= static_cast<std::uint8_t>(1u << random() % 8);
    }
    std::vector<std::uint8_t> noise(random() % 200);
    for (auto& byte : noise)
      byte = static_cast<std::uint8_t>(random());
    const auto seen = nonces(decoder.feed(noise + damaged + noise + hello(77)));
    REQUIRE_FALSE(seen.empty());
    REQUIRE(seen.back() == 77);
  }
}

TEST_CASE("a damaged length holds later frames back only until it is given up") {
  for (unsigned bit = 0; bit < 32; ++bit) {
    guest::frame_decoder decoder;
    auto damaged = hello(1);
    damaged[4 + bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    // The distance keeps a length that grew a little from reaching into the next frame.
    auto seen = nonces(decoder.feed(damaged + std::vector<std::uint8_t>(128) + hello(77)));
    while (decoder.partial())
      seen = nonces(decoder.abandon_partial());
    REQUIRE_FALSE(seen.empty());
    REQUIRE(seen.back() == 77);
  }
}
