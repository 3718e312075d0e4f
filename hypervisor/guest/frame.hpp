// Frames of the agent protocol (protocol.fbs): encoding, and a decoder that survives anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/guest/protocol_generated.h"

namespace platen::guest {

inline constexpr std::uint32_t protocol_version = 2;
inline constexpr std::uint32_t frame_magic = 0x4E544C50;  // the bytes "PLTN"
inline constexpr std::size_t frame_header_bytes = 8;
inline constexpr std::size_t frame_payload_limit = 65536;

// One whole frame, ready to be written. An error if the payload would exceed the limit; the
// sentence gives both sizes.
tl::expected<std::vector<std::uint8_t>, std::string> encode_frame(const wire::MessageT& message);

// encode_frame of a message with this body: encode_body(wire::HelloT{...}).
template <typename Body>
tl::expected<std::vector<std::uint8_t>, std::string> encode_body(Body body) {
  wire::MessageT message;
  message.body.Set(std::move(body));
  return encode_frame(message);
}

// A verified message over its own copy of the bytes. The body is present, but its type may be one
// that this version does not know. Nothing is unpacked: a hostile buffer can refer to one string
// many times, so copying all of it can need far more memory than the frame had.
class verified_message {
 public:
  // The payload must have passed frame_decoder's verification.
  explicit verified_message(std::vector<std::uint8_t> payload) : payload_(std::move(payload)) {}

  const wire::Message& root() const { return *wire::GetMessage(payload_.data()); }
  wire::Body type() const { return root().body_type(); }

  // The body as T, or nullptr if it is something else: message.as<wire::Hello>().
  template <typename T>
  const T* as() const {
    return root().body_as<T>();
  }

 private:
  std::vector<std::uint8_t> payload_;
};

// Cuts a byte stream into messages. Bytes that do not begin a valid frame are skipped up to the
// next magic. Keeps at most one incomplete frame (64 KiB and a header). Not thread-safe.
class frame_decoder {
 public:
  // Takes the next bytes of the stream and returns the messages they complete, in order.
  std::vector<verified_message> feed(std::span<const std::uint8_t> bytes);

  // Gives up the incomplete frame, because its sender was replaced or fell silent, and looks for
  // frames behind its magic.
  std::vector<verified_message> abandon_partial();

  // Whether the beginning of a frame waits for its rest.
  bool partial() const { return pending_.size() >= frame_header_bytes; }

  // Bytes dropped so far because they belonged to no valid frame.
  std::uint64_t skipped_bytes() const { return skipped_bytes_; }

 private:
  std::vector<verified_message> take_complete();

  std::vector<std::uint8_t> pending_;
  std::uint64_t skipped_bytes_ = 0;
};

}  // namespace platen::guest
