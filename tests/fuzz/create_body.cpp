// The body of POST /v1/instances, from anybody: read or refused with a sentence.
#include <string>

#include "http/create/create_reader.hpp"
#include "http/request/json_body.hpp"
#include "tests/fuzz/check.hpp"

namespace {

constexpr std::size_t items_limit = 8;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace platen;
  using fuzz::expect;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto body = http::parse_json(text, "the request body");
  if (!body) {
    expect(body.error().status >= 400, "a refusal has a status");
    expect(!body.error().message.empty(), "a refusal says why");
    return 0;
  }
  const auto wishes = http::read_create_requests(*body, items_limit);
  if (!wishes) {
    expect(wishes.error().status >= 400, "a refusal has a status");
    expect(!wishes.error().message.empty(), "a refusal says why");
    return 0;
  }
  expect(wishes->size() <= items_limit, "no more items than allowed");
  for (const auto& one : *wishes) {
    const bool has_image = !one.wish.spec.image.empty();
    expect(has_image || one.wish.from.has_value(), "there is something to make an instance of");
    expect(one.wish.name.size() <= 255, "a name is bounded");
  }
  return 0;
}
