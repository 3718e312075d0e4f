#include "hypervisor/guest/frame.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace platen::guest {
namespace {

constexpr std::array<std::uint8_t, 4> magic_bytes{'P', 'L', 'T', 'N'};

void append_u32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::uint32_t read_u32(std::span<const std::uint8_t, 4> bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

// Where the next magic, or a beginning of one at the very end, starts.
std::size_t find_magic(std::span<const std::uint8_t> bytes, std::size_t from) {
  for (std::size_t at = from; at < bytes.size(); ++at) {
    const std::size_t compared = std::min(magic_bytes.size(), bytes.size() - at);
    if (std::equal(magic_bytes.begin(), magic_bytes.begin() + compared, bytes.begin() + at))
      return at;
  }
  return bytes.size();
}

std::optional<verified_message> verify(std::span<const std::uint8_t> payload) {
  std::vector<std::uint8_t> copy(payload.begin(), payload.end());
  flatbuffers::Verifier verifier(copy.data(), copy.size());
  if (!wire::VerifyMessageBuffer(verifier)) return std::nullopt;
  verified_message message(std::move(copy));
  if (message.root().body() == nullptr) return std::nullopt;
  return message;
}

}  // namespace

tl::expected<std::vector<std::uint8_t>, std::string> encode_frame(const wire::MessageT& message) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::Message::Pack(builder, &message));
  if (builder.GetSize() > frame_payload_limit) {
    return tl::unexpected("the message needs " + std::to_string(builder.GetSize()) +
                          " bytes, but a frame holds " + std::to_string(frame_payload_limit));
  }
  std::vector<std::uint8_t> frame;
  frame.reserve(frame_header_bytes + builder.GetSize());
  append_u32(frame, frame_magic);
  append_u32(frame, builder.GetSize());
  frame.insert(frame.end(), builder.GetBufferPointer(),
               builder.GetBufferPointer() + builder.GetSize());
  return frame;
}

std::vector<verified_message> frame_decoder::feed(std::span<const std::uint8_t> bytes) {
  // Taking a frame's worth at a time keeps the buffer bounded however much the caller has read.
  std::vector<verified_message> messages;
  while (!bytes.empty()) {
    const auto chunk = bytes.first(std::min(bytes.size(), frame_payload_limit));
    bytes = bytes.subspan(chunk.size());
    pending_.insert(pending_.end(), chunk.begin(), chunk.end());
    std::ranges::move(take_complete(), std::back_inserter(messages));
  }
  return messages;
}

std::vector<verified_message> frame_decoder::abandon_partial() {
  if (pending_.empty()) return {};
  pending_.erase(pending_.begin());
  ++skipped_bytes_;
  return take_complete();
}

std::vector<verified_message> frame_decoder::take_complete() {
  const std::span<const std::uint8_t> bytes(pending_);
  std::vector<verified_message> messages;
  std::size_t at = 0;
  for (;;) {
    const std::size_t start = find_magic(bytes, at);
    skipped_bytes_ += start - at;
    at = start;
    const auto rest = bytes.subspan(at);
    if (rest.size() < frame_header_bytes) break;
    const std::size_t length = read_u32(rest.subspan<4, 4>());
    if (length <= frame_payload_limit) {
      if (rest.size() < frame_header_bytes + length) break;
      if (auto message = verify(rest.subspan(frame_header_bytes, length))) {
        messages.push_back(std::move(*message));
        at += frame_header_bytes + length;
        continue;
      }
    }
    // A whole frame may begin inside of what claimed to be a payload, if its sender was replaced
    // in the middle of a frame; so only one byte is given up.
    ++at;
    ++skipped_bytes_;
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at));
  return messages;
}

}  // namespace platen::guest
