#include "hypervisor/images/image_name.hpp"

#include <algorithm>

#include "hypervisor/images/messages.hpp"

namespace platen::hypervisor::images {
namespace {

constexpr std::size_t tag_limit = 128;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_punctuation(char c) {
  return c == '.' || c == '_' || c == '-';
}
bool is_part_character(char c) {
  return is_lower_or_digit(c) || is_punctuation(c);
}
bool is_tag_character(char c) {
  return is_part_character(c) || (c >= 'A' && c <= 'Z');
}

bool is_part(std::string_view part) {
  return !part.empty() && is_lower_or_digit(part.front()) && is_lower_or_digit(part.back()) &&
         std::ranges::all_of(part, is_part_character);
}

bool is_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= tag_limit && tag.front() != '.' && tag.front() != '-' &&
         std::ranges::all_of(tag, is_tag_character);
}

bool is_repository(std::string_view repository) {
  for (;;) {
    const auto slash = repository.find('/');
    if (!is_part(repository.substr(0, slash))) return false;
    if (slash == repository.npos) return true;
    repository.remove_prefix(slash + 1);
  }
}

}  // namespace

tl::expected<std::string, std::string> full_image_name(std::string_view name) {
  const auto refuse = [&](const std::string& why) {
    return failure("the image name " + shown(name) + " " + why);
  };
  if (name.empty()) return failure("the image name is empty; use one like 'team/app:v1'");
  if (name.find('@') != name.npos)
    return refuse("has a digest; images are found by name and tag, like 'team/app:v1'");
  const auto colon = name.find(':');
  const auto repository = name.substr(0, colon);
  if (!is_repository(repository))
    return refuse(
        "is not valid: each part between '/' is lower-case letters, digits, '.', '_' "
        "and '-', and begins and ends with a letter or digit");
  if (colon != name.npos && !is_tag(name.substr(colon + 1)))
    return refuse(
        "has a tag that is not valid: after ':' come 1 to 128 letters, digits, '.', "
        "'_' and '-', beginning with a letter, digit or '_'");
  auto full = std::string(name) + (colon == name.npos ? ":latest" : "");
  if (full.size() > image_name_limit)
    return refuse("is longer than " + std::to_string(image_name_limit) + " characters");
  return full;
}

}  // namespace platen::hypervisor::images
