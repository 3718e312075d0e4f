// Between events and the bytes that are stored for them; store/FORMAT.md describes those bytes.
//
//   record = "PLE1" u32 | header length u32 | hash (32 bytes) | Header | Event     (little-endian)
//   hash   = SHA-256(previous_hash || Header bytes), and the Header holds SHA-256(Event bytes)
//
// All functions are pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "events/envelope.hpp"

namespace platen::events {

// True if this version has an event of this name: "PreparationStarted".
bool is_known_type(std::string_view type);

// An event as it is stored, before its place in the log is known.
struct payload {
  std::string type;   // the event's name in the schema
  std::string bytes;  // the Event FlatBuffer
  digest sha256{};    // of `bytes`
};

// An unknown_event yields exactly the bytes it was read from.
payload encode_payload(const event& value);

// The event in an Event FlatBuffer. A type name or union member this version does not know gives an
// unknown_event. The error says what is wrong with the bytes.
tl::expected<event, std::string> decode_payload(std::string_view type, std::string_view bytes);

// Everything of `place` but `what` and `hash` goes into the header. Returns the record and stores
// its hash in `place.hash`.
std::string encode_record(envelope& place, const payload& what);

// The record of an envelope; sets value.hash.
std::string encode(envelope& value);

// Reads a record and checks all of it: layout, both FlatBuffers, hash and payload digest. Whether
// previous_hash is the predecessor's is for the caller to compare.
tl::expected<envelope, std::string> decode(std::string_view record);
// The same without moving the envelope; after an error its content means nothing.
tl::expected<void, std::string> decode_into(envelope& place, std::string_view record);

// A record's envelope without its event: layout, header and hash are checked, the payload is not
// looked at. This is how the chain is followed past a payload that was withheld. `what` is an
// unknown_event with the type and no bytes.
tl::expected<envelope, std::string> decode_header(std::string_view record);

// The part of a record that is passed on where its event is withheld: everything up to the end of
// the header. A view into `record`; the error says why it is no record.
tl::expected<std::string_view, std::string> without_event(std::string_view record);

// True for a record that was cut so: it ends after its header although its event has content.
bool is_withheld(std::string_view record);

}  // namespace platen::events
