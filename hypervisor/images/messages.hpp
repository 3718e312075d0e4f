// Errors are sentences for the user.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace platen::hypervisor::images {

inline tl::unexpected<std::string> failure(std::string sentence) {
  return tl::unexpected<std::string>(std::move(sentence));
}

// Text from outside, in quotes, as a message may repeat it: at most 200 bytes, no control
// characters.
inline std::string shown(std::string_view text) {
  std::string result = "'";
  for (const char c : text.substr(0, 200))
    result += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return result + (text.size() > 200 ? "...'" : "'");
}

}  // namespace platen::hypervisor::images
