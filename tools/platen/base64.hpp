// Standard base64 with padding (RFC 4648 §4).
#pragma once

#include <optional>
#include <string>

namespace platen::cli {

std::string to_base64(const std::string& bytes);

// Nothing if the text is not base64.
std::optional<std::string> from_base64(const std::string& text);

}  // namespace platen::cli
