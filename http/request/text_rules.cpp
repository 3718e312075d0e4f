#include "http/request/text_rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace platen::http {
namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool in(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}
bool is_alphanumeric(char c) {
  return in(letters, c) || in(digits, c);
}

bool consists_of(std::string_view text, std::string_view punctuation) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_alphanumeric(c) || in(punctuation, c); });
}

bool fits(std::string_view text, std::size_t limit) {
  return !text.empty() && text.size() <= limit;
}

// The components of a path without empty ones and "."; nothing if there is a "..".
std::optional<std::vector<std::string_view>> components(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return parts;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

bool is_name(std::string_view text) {
  return fits(text, name_limit) && is_alphanumeric(text.front()) && consists_of(text, "._-");
}

bool is_uuid(std::string_view text) {
  constexpr std::string_view pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return text.size() == pattern.size() &&
         std::equal(text.begin(), text.end(), pattern.begin(), [](char c, char wanted) {
           return wanted == '-' ? c == '-' : in("0123456789abcdefABCDEF", c);
         });
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

bool is_hostname(std::string_view text) {
  return fits(text, name_limit) && consists_of(text, "-") && text.front() != '-' &&
         text.back() != '-';
}

bool is_image_name(std::string_view text) {
  return fits(text, path_limit) && is_alphanumeric(text.front()) && consists_of(text, "._-/:@") &&
         components(text).has_value();
}

bool is_variable_name(std::string_view text) {
  return fits(text, path_limit) && !in(digits, text.front()) && !in(".-", text.front()) &&
         consists_of(text, "_.-");
}

bool has_forbidden_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) {
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
  });
}

std::optional<std::string> normalise_mount_point(std::string_view text) {
  if (!fits(text, path_limit) || text.front() != '/' || has_control(text)) return std::nullopt;
  const auto parts = components(text);
  if (!parts || parts->empty()) return std::nullopt;
  std::string path;
  for (const auto part : *parts)
    path.append("/").append(part);
  return path;
}

bool is_reserved_mount_point(std::string_view normalised) {
  constexpr std::array<std::string_view, 4> reserved = {"/uk", "/proc", "/sys", "/dev"};
  return std::any_of(reserved.begin(), reserved.end(), [&](std::string_view root) {
    return normalised.starts_with(root) &&
           (normalised.size() == root.size() || normalised[root.size()] == '/');
  });
}

std::optional<std::string> normalise_file_path(std::string_view text) {
  if (!fits(text, path_limit) || text.front() == '/' || text.back() == '/' || has_control(text))
    return std::nullopt;
  const auto parts = components(text);
  if (!parts || parts->empty()) return std::nullopt;
  std::string path;
  for (const auto part : *parts) {
    if (!path.empty()) path.push_back('/');
    path.append(part);
  }
  return path;
}

}  // namespace platen::http
