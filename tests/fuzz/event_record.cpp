// A record of the log from anywhere: decoded or refused, and what was decoded is shown and encoded
// again. The first byte says what the rest is, because a fuzzer does not guess a SHA-256.
#include <array>
#include <string_view>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "events/json.hpp"
#include "tests/fuzz/check.hpp"

namespace {

using namespace platen;
using fuzz::expect;

constexpr std::array<std::string_view, 28> types{
    "TemplateRequested",      "PreparationScheduled", "PreparationStarted",  "TemplateGuestBooted",
    "GuestSignalled",         "TemplateSnapshotted",  "PreparationFailed",   "SnapshotRejected",
    "CloneGranted",           "CloneFinished",        "TemplateDeleted",     "InstanceRequested",
    "InstanceStartRequested", "InstanceCloneStarted", "InstanceBootStarted", "InstanceRunning",
    "InstanceStopRequested",  "InstanceStopped",      "InstanceFailed",      "InstanceDeleted",
    "DaemonStarted",          "DaemonStopped",        "VmAdopted",           "LeftoverRemoved",
    "CheckpointSigned",       "HistoryArchived",      "RequestBegan",        "RequestAnswered"};

// What was read must survive being written and read again.
void look_at(events::envelope event) {
  expect(!events::to_json(event).empty(), "every event has a JSON form");
  const auto again = events::decode(events::encode(event));
  expect(again.has_value(), "what was decoded can be encoded and decoded");
  expect(again->what == event.what && again->why == event.why, "encoding changes nothing");
}

void decode_any(std::string_view record) {
  const auto header = events::decode_header(record);
  const auto event = events::decode(record);
  expect(!event || header, "a whole record has a header");
  if (event) look_at(*event);
}

// A record whose digests are right, around a header that is not ours.
void decode_header_of(std::string_view header) {
  std::string record = "PLE1";
  for (unsigned shift = 0; shift < 32; shift += 8)
    record += static_cast<char>(header.size() >> shift & 0xffU);
  record += std::string(sizeof(events::digest), '\0');
  record += header;
  // The previous hash is 32 zero bytes in the first record, so that this is its hash.
  const auto hash = events::sha256().update(events::digest{}).update(header).finish();
  record.replace(8, hash.size(), reinterpret_cast<const char*>(hash.data()), hash.size());
  decode_any(record);
}

// A right header around an event that is not ours.
void decode_event(std::string_view type, std::string_view bytes) {
  events::envelope place;
  place.sequence = 1;
  place.version = 1;
  place.stream = "template/1";
  const events::payload what{std::string(type), std::string(bytes), events::sha256_of(bytes)};
  decode_any(events::encode_record(place, what));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] < types.size())
    decode_event(types.at(data[0]), rest);
  else if (data[0] == 0xfe)
    decode_header_of(rest);
  else
    decode_any(rest);
  return 0;
}
