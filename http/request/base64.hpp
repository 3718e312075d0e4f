// Base64 with padding (RFC 4648 §4). Both are pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace platen::http {

std::string to_base64(std::string_view bytes);

// Nothing if the text is anything but complete, padded groups of the standard alphabet.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace platen::http
