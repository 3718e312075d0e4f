// The API token: the operator's own, or one made at the first start.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace platen::platend {

struct token {
  std::string value;
  std::filesystem::path file;
  bool made = false;  // by this call
};

// What is wrong with a token, in words; nothing if it can be one.
std::optional<std::string> fault_of_token(const std::string& value);

// Reads `file`. Errors: unreadable, fewer than 16 characters, or characters other than printable
// ASCII without spaces.
tl::expected<token, std::string> read_token(const std::filesystem::path& file);

// Reads `file`, or makes it with 32 random bytes in hex, mode 0600.
tl::expected<token, std::string> read_or_make_token(const std::filesystem::path& file);

}  // namespace platen::platend
