#include "events/codec.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <random>
#include <sstream>

#include "events/hash.hpp"
#include "events/json.hpp"
#include "tests/events/every_event.hpp"

using namespace platen::events;

namespace {

envelope enclose(event what) {
  envelope value;
  value.sequence = 7;
  value.stream = "template/0d5cf2c4-43d2-4f4c-9d0e-0a7e2f0f6f10";
  value.version = 3;
  value.time_us = 1'763'791'200'000'001;
  value.why = {"req-1", "token-1", origin::guest, "vm_signalled"};
  value.previous_hash = sha256_of("the one before");
  value.what = std::move(what);
  return value;
}

void check_same(const envelope& a, const envelope& b) {
  CHECK(a.sequence == b.sequence);
  CHECK(a.stream == b.stream);
  CHECK(a.version == b.version);
  CHECK(a.schema == b.schema);
  CHECK(a.time_us == b.time_us);
  CHECK(a.why == b.why);
  CHECK(a.previous_hash == b.previous_hash);
  CHECK(a.hash == b.hash);
  CHECK(a.what == b.what);
}

// The record with its header's digests made right again, as somebody who rewrites history would.
std::string forge(const envelope& place, const std::string& type, const std::string& bytes) {
  envelope forged = place;
  return encode_record(forged, {type, bytes, sha256_of(bytes)});
}

}  // namespace

TEST_CASE("every event comes back from its record as it was") {
  auto events = testing::every_awkward_event();
  for (auto& plain : testing::every_event({"", 0, false}))
    events.push_back(std::move(plain));
  for (const auto& event : events) {
    INFO(type_name(event));
    auto value = enclose(event);
    const std::string record = encode(value);
    const auto read = decode(record);
    REQUIRE(read);
    check_same(*read, value);
    auto again = *read;
    CHECK(encode(again) == record);
  }
}

TEST_CASE("an envelope at the limits of its fields comes back as it was") {
  for (const auto source : {origin::api, origin::guest, origin::timer, origin::gateway,
                            origin::reconcile, origin::system}) {
    auto value = enclose(template_deleted{});
    value.sequence = value.version = ~std::uint64_t{0};
    value.schema = 65'535;
    value.time_us = std::numeric_limits<std::int64_t>::min();
    value.why = {std::string("\0\xff", 2), std::string(1024, '"'), source};
    const auto read = decode(encode(value));
    REQUIRE(read);
    check_same(*read, value);
  }
  envelope empty;
  empty.what = unknown_event{};
  const auto read = decode(encode(empty));
  REQUIRE(read);
  check_same(*read, empty);
}

TEST_CASE("the hash covers the predecessor's hash and the header, the header covers the event") {
  auto value = enclose(clone_granted{});
  const std::string record = encode(value);
  const std::string_view header = std::string_view(record).substr(
      40, static_cast<unsigned char>(record[4]) + 256U * static_cast<unsigned char>(record[5]));
  CHECK(value.hash == sha256().update(value.previous_hash).update(header).finish());
  const auto event_digest = sha256_of(std::string_view(record).substr(40 + header.size()));
  CHECK(header.find(as_bytes(event_digest)) != std::string_view::npos);
}

TEST_CASE("an event of a type this version does not know passes through untouched") {
  for (const std::string& bytes : {std::string(), std::string("\x01\xff not a FlatBuffer"),
                                   encode_payload(daemon_stopped{}).bytes}) {
    auto value = enclose(unknown_event{"InstanceTeleported", bytes});
    const std::string record = encode(value);
    auto read = decode(record);
    REQUIRE(read);
    CHECK(std::get<unknown_event>(read->what) == unknown_event{"InstanceTeleported", bytes});
    CHECK(encode(*read) == record);
  }
}

TEST_CASE("a union member this version does not know passes through untouched") {
  flatbuffers::FlatBufferBuilder builder;
  const auto content = wire::CreateDaemonStopped(builder);
  builder.Finish(wire::CreateEvent(builder, static_cast<wire::Payload>(250), content.Union()));
  const std::string bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                          builder.GetSize());
  const std::string record = forge(enclose({}), "DaemonStopped", bytes);
  auto read = decode(record);
  REQUIRE(read);
  CHECK(std::get<unknown_event>(read->what) == unknown_event{"DaemonStopped", bytes});
  CHECK(encode(*read) == record);
}

TEST_CASE("an event under another event's name is refused") {
  const auto bytes = encode_payload(daemon_stopped{}).bytes;
  const auto read = decode(forge(enclose({}), "TemplateDeleted", bytes));
  REQUIRE_FALSE(read);
  CHECK(read.error().find("DaemonStopped") != std::string::npos);

  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::CreateEvent(builder, wire::Payload::DaemonStopped));
  const std::string hollow(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                           builder.GetSize());
  CHECK_FALSE(decode(forge(enclose({}), "DaemonStopped", hollow)));
}

TEST_CASE("a record with any bit changed is refused") {
  for (const auto& event : {event(instance_failed{}), testing::every_awkward_event().front()}) {
    auto value = enclose(event);
    const std::string record = encode(value);
    for (std::size_t i = 0; i < record.size(); ++i)
      for (unsigned bit = 0; bit < 8; ++bit) {
        std::string damaged = record;
        damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ 1U << bit);
        if (decode(damaged)) FAIL("bit " << bit << " of byte " << i);
      }
  }
}

TEST_CASE("a record cut off or continued anywhere is refused") {
  auto value = enclose(testing::every_awkward_event().front());
  const std::string record = encode(value);
  for (std::size_t size = 0; size < record.size(); ++size)
    if (decode(record.substr(0, size))) FAIL("cut to " << size << " bytes");
  CHECK_FALSE(decode(record + '\0'));
}

TEST_CASE("a record whose payload was withheld still proves its place in the chain") {
  auto value = enclose(instance_failed{});
  const std::string record = encode(value);
  const std::size_t event_size = encode_payload(value.what).bytes.size();
  const std::string withheld = record.substr(0, record.size() - event_size);
  CHECK_FALSE(decode(withheld));
  const auto header = decode_header(withheld);
  REQUIRE(header);
  CHECK(header->hash == value.hash);
  CHECK(header->previous_hash == value.previous_hash);
  CHECK(type_name(header->what) == "InstanceFailed");
}

TEST_CASE("damaged FlatBuffers behind right digests are refused or read, never trusted") {
  std::mt19937 random(20261122);
  const auto events = testing::every_awkward_event();
  std::size_t refused = 0;
  for (int round = 0; round < 4000; ++round) {
    const auto encoded = encode_payload(events[random() % events.size()]);
    std::string bytes = encoded.bytes;
    for (auto changes = 1 + random() % 4; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    const auto read = decode(forge(enclose({}), encoded.type, bytes));
    if (read)
      CHECK_FALSE(to_json(*read).empty());
    else
      ++refused;
  }
  CHECK(refused > 100);
}

TEST_CASE("the worked example in FORMAT.md is a record this program writes") {
  std::ifstream file(PLATEN_SOURCE_DIR "/store/FORMAT.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  const std::string fence = "```hex\n";
  const auto begin = document.find(fence);
  REQUIRE(begin != std::string::npos);
  std::istringstream lines(document.substr(begin + fence.size()));
  std::string digits;
  for (std::string line; std::getline(lines, line) && line != "```";) {
    std::istringstream words(line.substr(line.find(':') + 1, 49));
    for (std::string word; words >> word;)
      digits += word;
  }
  const auto record = from_hex(digits);
  REQUIRE(record);
  auto read = decode(*record);
  REQUIRE(read);
  CHECK(read->sequence == 1);
  CHECK(read->previous_hash == digest{});
  CHECK(read->what == event(preparation_started{{}, 1, 1'763'791'260'000'000}));
  CHECK(encode(*read) == *record);
  CHECK(document.find(to_json(*read)) != std::string::npos);
}
