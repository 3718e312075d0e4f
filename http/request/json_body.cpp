#include "http/request/json_body.hpp"

#include <set>
#include <vector>

namespace platen::http {
namespace {

// The parser itself has no bound on depth, and each level costs far more memory than the byte that
// opens it.
bool nests_too_deep(const std::string& text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > json_depth_limit) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

// Remembers the first member that is named twice in one object; the parser would silently keep
// the last.
class duplicate_finder {
 public:
  bool operator()(int, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using at = nlohmann::json::parse_event_t;
    if (event == at::object_start) seen_.emplace_back();
    if (event == at::object_end && !seen_.empty()) seen_.pop_back();
    if (event == at::key && !seen_.empty() && duplicate_.empty()) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!seen_.back().insert(name).second) duplicate_ = name;
    }
    return true;
  }

  const std::string& duplicate() const { return duplicate_; }

 private:
  std::vector<std::set<std::string>> seen_;
  std::string duplicate_;
};

// "… parse error at line 3, column 7: …" without the library's own error id before it.
std::string sentence_of(const nlohmann::json::exception& error) {
  const std::string text = error.what();
  const auto id_end = text.find("] ");
  return id_end == std::string::npos ? text : text.substr(id_end + 2);
}

}  // namespace

tl::expected<nlohmann::json, request_error> parse_json(const std::string& text,
                                                       const std::string& what) {
  if (nests_too_deep(text))
    return tl::unexpected(request_error{
        400, what + " nests deeper than " + std::to_string(json_depth_limit) + " levels", {}});
  duplicate_finder finder;
  try {
    auto value = nlohmann::json::parse(text, std::ref(finder));
    if (!finder.duplicate().empty())
      return tl::unexpected(
          request_error{400, what + " names '" + finder.duplicate() + "' twice", {}});
    return value;
    // Not only parse errors: a number that no double holds is out of range.
  } catch (const nlohmann::json::exception& error) {
    return tl::unexpected(
        request_error{400, what + " is not valid JSON: " + sentence_of(error), {}});
  }
}

}  // namespace platen::http
