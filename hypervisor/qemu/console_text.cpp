#include "hypervisor/qemu/console_text.hpp"

#include <charconv>

namespace platen::hypervisor::qemu {

namespace {

constexpr std::string_view exit_line = "platen-init: workload exited with code ";
constexpr std::string_view failure_line = "platen-init: failed (";
constexpr std::string_view panic_line = "Kernel panic - not syncing: ";

bool continues(std::string_view bytes, std::size_t at) {
  return at < bytes.size() && (static_cast<unsigned char>(bytes[at]) & 0xc0) == 0x80;
}

// Length of the valid UTF-8 sequence at `at`, or 0.
std::size_t sequence_length(std::string_view bytes, std::size_t at) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  const auto second = at + 1 < bytes.size() ? static_cast<unsigned char>(bytes[at + 1]) : 0;
  if (first >= 0xc2 && first <= 0xdf) return continues(bytes, at + 1) ? 2 : 0;
  const bool two_more = continues(bytes, at + 1) && continues(bytes, at + 2);
  // The second byte rules out overlong forms, surrogates and numbers past U+10FFFF.
  if (first == 0xe0) return two_more && second >= 0xa0 ? 3 : 0;
  if (first == 0xed) return two_more && second <= 0x9f ? 3 : 0;
  if (first >= 0xe1 && first <= 0xef) return two_more ? 3 : 0;
  const bool three_more = two_more && continues(bytes, at + 3);
  if (first == 0xf0) return three_more && second >= 0x90 ? 4 : 0;
  if (first == 0xf4) return three_more && second <= 0x8f ? 4 : 0;
  if (first >= 0xf1 && first <= 0xf3) return three_more ? 4 : 0;
  return 0;
}

bool is_shown(char c) {
  const auto value = static_cast<unsigned char>(c);
  return c == '\n' || c == '\t' || (value >= 0x20 && value < 0x7f);
}

// The rest of the line after the last occurrence of `mark`.
std::optional<std::string_view> after_last(std::string_view text, std::string_view mark) {
  const auto at = text.rfind(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto rest = text.substr(at + mark.size());
  return rest.substr(0, rest.find_first_of("\r\n"));
}

}  // namespace

std::string clean_text(std::string_view bytes) {
  std::string clean;
  clean.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    if (const auto length = sequence_length(bytes, at); length > 0) {
      clean += bytes.substr(at, length);
      at += length;
      continue;
    }
    // A serial console ends its lines with both characters.
    if (bytes[at] != '\r') clean += is_shown(bytes[at]) ? bytes[at] : '?';
    ++at;
  }
  return clean;
}

last_words find_last_words(std::string_view console) {
  last_words words;
  if (const auto code = after_last(console, exit_line)) {
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(code->data(), code->data() + code->size(), value);
    if (error == std::errc{} && end != code->data()) words.workload_exit = value;
  }
  if (const auto failure = after_last(console, failure_line)) {
    const auto stage = failure->substr(0, failure->find(')'));
    const auto reason = failure->find("): ");
    words.failure = "the guest failed at " + std::string(stage);
    if (reason != std::string_view::npos)
      words.failure += ": " + std::string(failure->substr(reason + 3));
  }
  if (const auto panic = after_last(console, panic_line))
    words.failure = "the guest's kernel crashed: " + std::string(*panic);
  return words;
}

}  // namespace platen::hypervisor::qemu
