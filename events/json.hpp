// The JSON view of the log: what the audit endpoint, the CLI and the dashboard show.
#pragma once

#include <string>

#include "events/envelope.hpp"

namespace platen::events {

// One envelope as one line of JSON in ASCII, without the line end. Keys, in this order: sequence,
// stream, version, type, schema, time (RFC 3339, UTC, microseconds), origin, principal, request_id,
// command, previous_hash, hash, data.
//
// `data` holds the event's fields under their names in the schema. Numbers and booleans are always
// there; a string, list or table that is empty is left out. An unknown event is {"bytes": base64},
// one whose payload was withheld {"withheld": true}. Bytes that are not UTF-8 become U+FFFD.
// Thread-safe.
std::string to_json(const envelope& value);

// Only the `data` part.
std::string data_to_json(const event& value);

// A JSON string literal with its quotes. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(const std::string& text);

// RFC 3339 in UTC with microseconds: "2026-11-22T06:14:04.000001Z". Years outside 0000 to 9999 do
// not exist in that format; the nearest moment it can express is given for them.
std::string to_rfc3339(std::int64_t time_us);

}  // namespace platen::events
