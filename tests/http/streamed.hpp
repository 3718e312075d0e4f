// Answers that come in pieces.
#pragma once

#include <string>

namespace platen::testing {

// The content of a chunked answer.
inline std::string unchunked(const std::string& text) {
  std::string content;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto line = text.find("\r\n", at);
    const auto size = std::stoul(text.substr(at, line - at), nullptr, 16);
    content += text.substr(line + 2, size);
    at = line + 2 + size + 2;
  }
  return content;
}

}  // namespace platen::testing
