// What the commands print: tables for people, JSON for scripts.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace platen::cli {

using json = nlohmann::json;

// Columns as wide as their widest cell, two spaces between them, on stdout; on a terminal no line
// is wider than it.
class table {
 public:
  explicit table(std::vector<std::string> heading);
  void add(std::vector<std::string> row);
  void print() const;
  // The same, not cut to any width.
  std::vector<std::string> lines() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "name: value" lines, the values in one column.
void print_fields(const std::vector<std::pair<std::string, std::string>>& fields);

void print_json(const json& value);

// Text that came from a guest or a client, fit for a terminal: control characters other than
// newline and tab are shown as "?".
std::string printable(const std::string& text);

// A member as text: strings bare, numbers and objects as JSON, "-" where there is none.
std::string text_of(const json& object, const std::string& member);

// How many columns standard output has; 0 if it is no terminal, where nothing is cut.
std::size_t terminal_width();

// The text, cut to `width` code points with "…" as the last of them; a width of 0 cuts nothing.
std::string fitted(const std::string& text, std::size_t width);

// Lines of text on stdout, each cut to the terminal's width, control characters removed.
void print_lines(const std::string& text);

// A duration in microseconds: "0.4ms", "12ms", "1.24s", "13.1s", "2m05s".
std::string human_duration(std::int64_t us);

std::string human_bytes(std::uint64_t bytes);

// "3s", "4m10s", "2h05m", "3d4h".
std::string human_seconds(std::int64_t seconds);

// How long ago an RFC 3339 UTC time was; "-" if it is none.
std::string age_of(const std::string& rfc3339);

}  // namespace platen::cli
