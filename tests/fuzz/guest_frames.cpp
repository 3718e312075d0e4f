// What a hostile guest writes to its daemon: skipped or read, the same in pieces as in one go.
#include <span>
#include <string>
#include <vector>

#include "hypervisor/guest/frame.hpp"
#include "tests/fuzz/check.hpp"

namespace {

using namespace platen::guest;
using platen::fuzz::expect;

std::string text(const flatbuffers::String* value) {
  return value == nullptr ? "" : value->str();
}

// Reads all that a daemon would read of a message.
std::size_t look_at(const verified_message& message) {
  std::size_t read = 0;
  if (const auto* welcome = message.as<wire::Welcome>())
    read += text(welcome->generation_id()).size() + welcome->protocol();
  if (const auto* resumed = message.as<wire::Resumed>())
    read += text(resumed->generation_id()).size();
  if (const auto* failed = message.as<wire::Failed>())
    read += text(failed->stage()).size() + text(failed->reason()).size();
  if (const auto* start = message.as<wire::Start>()) {
    if (const auto* arguments = start->args())
      for (const auto* argument : *arguments)
        read += text(argument).size();
    if (const auto* roms = start->roms())
      for (const auto* rom : *roms)
        read += text(rom->at()).size() + rom->length();
  }
  if (const auto* resume = message.as<wire::Resume>())
    if (const auto* entropy = resume->entropy()) read += entropy->size();
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 64 + 1U;
  const std::span bytes(data + 1, size - 1);

  frame_decoder at_once;
  std::size_t whole = 0;
  for (const auto& message : at_once.feed(bytes)) {
    look_at(message);
    ++whole;
  }
  frame_decoder in_pieces;
  std::size_t found = 0;
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    found += in_pieces.feed(bytes.subspan(at, std::min(piece, bytes.size() - at))).size();
  expect(found == whole, "pieces do not matter");
  expect(in_pieces.skipped_bytes() == at_once.skipped_bytes(),
         "pieces do not matter to what is skipped");
  expect(at_once.skipped_bytes() <= bytes.size(), "no more is skipped than came");
  for (const auto& message : at_once.abandon_partial())
    look_at(message);
  return 0;
}
