#include "tools/platen/output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace platen::cli {
namespace {

// Counts code points, so that names in other alphabets do not shift the columns.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string padded(const std::string& text, std::size_t width) {
  const auto has = width_of(text);
  return text + std::string(width > has ? width - has : 0, ' ');
}

std::string two_digits(std::int64_t value) {
  return (value < 10 ? "0" : "") + std::to_string(value);
}

}  // namespace

table::table(std::vector<std::string> heading) {
  rows_.push_back(std::move(heading));
}

void table::add(std::vector<std::string> row) {
  for (auto& cell : row)
    cell = printable(cell);
  rows_.push_back(std::move(row));
}

void table::print() const {
  const auto terminal = terminal_width();
  for (const auto& line : lines())
    std::cout << fitted(line, terminal) << '\n';
}

std::vector<std::string> table::lines() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i]));
  std::vector<std::string> out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 == row.size() ? row[i] : padded(row[i], widths[i] + 2);
    out.push_back(std::move(line));
  }
  return out;
}

void print_fields(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::size_t width = 0;
  for (const auto& [name, value] : fields)
    width = std::max(width, name.size());
  for (const auto& [name, value] : fields)
    std::cout << padded(name + ":", width + 2) << printable(value) << '\n';
}

void print_json(const json& value) {
  std::cout << value.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

std::string printable(const std::string& text) {
  auto out = text;
  std::replace_if(
      out.begin(), out.end(),
      [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < ' ' && c != '\n' && c != '\t') || byte == 127;
      },
      '?');
  return out;
}

std::string text_of(const json& object, const std::string& member) {
  const auto found = object.find(member);
  if (found == object.end() || found->is_null()) return "-";
  if (found->is_string())
    return found->get<std::string>().empty() ? "-" : found->get<std::string>();
  return found->dump();
}

std::size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

std::string fitted(const std::string& text, std::size_t width) {
  if (width == 0 || width_of(text) <= width) return text;
  std::string out;
  std::size_t points = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins && ++points == width) break;
    out += c;
  }
  return out + "…";
}

void print_lines(const std::string& text) {
  const auto width = terminal_width();
  std::istringstream lines(printable(text));
  for (std::string line; std::getline(lines, line);)
    std::cout << fitted(line, width) << '\n';
  std::cout.flush();
}

std::string human_duration(std::int64_t us) {
  if (us >= 60'000'000) return human_seconds(us / 1'000'000);
  const auto value = static_cast<double>(std::max<std::int64_t>(us, 0));
  std::ostringstream out;
  out << std::fixed;
  if (us < 10'000)
    out << std::setprecision(1) << value / 1e3 << "ms";
  else if (us < 1'000'000)
    out << us / 1000 << "ms";
  else
    out << std::setprecision(us < 10'000'000 ? 2 : 1) << value / 1e6 << 's';
  return out.str();
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  std::ostringstream out;
  out << std::fixed << std::setprecision(unit == 0 ? 0 : 1) << value << ' ' << units[unit];
  return out.str();
}

std::string human_seconds(std::int64_t seconds) {
  if (seconds < 60) return std::to_string(std::max<std::int64_t>(seconds, 0)) + "s";
  if (seconds < 3600) return std::to_string(seconds / 60) + "m" + two_digits(seconds % 60) + "s";
  if (seconds < 86400)
    return std::to_string(seconds / 3600) + "h" + two_digits(seconds / 60 % 60) + "m";
  return std::to_string(seconds / 86400) + "d" + std::to_string(seconds / 3600 % 24) + "h";
}

std::string age_of(const std::string& rfc3339) {
  std::tm parts{};
  std::istringstream in(rfc3339);
  in >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%S");
  if (in.fail()) return "-";
  return human_seconds(std::time(nullptr) - timegm(&parts));
}

}  // namespace platen::cli
