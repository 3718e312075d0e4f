// The file of `tokens_file`: tokens beside the operator's own, each of a scope.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace platen::platend {

struct scoped_token {
  std::string scope;  // as actors::is_scope() says
  std::string value;
};

inline constexpr std::size_t scoped_tokens_limit = 1024;
inline constexpr std::size_t tokens_file_bytes_limit = 256 * 1024;

// Lines `SCOPE TOKEN`; empty ones and those that begin with '#' are comments. A scope may have
// several tokens, so that one can be replaced while the other still works. The error names the
// file, the line and the reason: others than the file's owner may read it, it is too large, a scope
// or token that is none, a token that was there before or is `operators`.
tl::expected<std::vector<scoped_token>, std::string> read_scoped_tokens(
    const std::filesystem::path& file, const std::string& operators);

}  // namespace platen::platend
