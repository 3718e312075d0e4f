#include "events/time.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace platen::events {

namespace {

constexpr std::int64_t us_a_second = 1'000'000;

// Reads digits from the front of a text; fails for ever after the first thing it did not expect.
class scanner {
 public:
  explicit scanner(std::string_view text) : left_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    const auto* const end = left_.data() + std::min(count, left_.size());
    const auto [stop, error] = std::from_chars(left_.data(), end, value);
    if (error != std::errc{} || stop != end || left_.size() < count || value < 0) failed_ = true;
    left_.remove_prefix(std::min(count, left_.size()));
    return value;
  }

  // The sign among `choices` that comes next; 0 if none does.
  char one_of(std::string_view choices) {
    if (left_.empty() || choices.find(left_.front()) == std::string_view::npos) return 0;
    const char found = left_.front();
    left_.remove_prefix(1);
    return found;
  }

  void expect(std::string_view choices) { failed_ = one_of(choices) == 0 || failed_; }

  // Fraction of a second, in microseconds; further digits are dropped.
  std::int64_t fraction() {
    std::int64_t value = 0;
    std::int64_t unit = us_a_second / 10;
    if (left_.empty() || left_.front() < '0' || left_.front() > '9') failed_ = true;
    for (; !left_.empty() && left_.front() >= '0' && left_.front() <= '9'; unit /= 10) {
      value += (left_.front() - '0') * unit;
      left_.remove_prefix(1);
    }
    return value;
  }

  bool at_end() const { return left_.empty(); }
  bool complete() const { return left_.empty() && !failed_; }

 private:
  std::string_view left_;
  bool failed_ = false;
};

std::optional<std::int64_t> parse_age(std::string_view text) {
  std::int64_t count = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  constexpr std::int64_t longest = 1'000'000'000;
  if (error != std::errc{} || count < 0 || count > longest) return std::nullopt;
  const std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  if (unit == "s") return count * us_a_second;
  if (unit == "m") return count * 60 * us_a_second;
  if (unit == "h") return count * 3600 * us_a_second;
  if (unit == "d") return count * 86400 * us_a_second;
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> from_rfc3339(std::string_view text) {
  using namespace std::chrono;
  scanner scan(text);
  const auto y = scan.digits(4);
  scan.expect("-");
  const auto m = scan.digits(2);
  scan.expect("-");
  const auto d = scan.digits(2);
  const year_month_day date{year(y), month(static_cast<unsigned>(m)),
                            day(static_cast<unsigned>(d))};
  std::int64_t time = 0;
  if (!scan.at_end()) {
    scan.expect("Tt ");
    const auto hour = scan.digits(2);
    scan.expect(":");
    const auto minute = scan.digits(2);
    scan.expect(":");
    const auto second = scan.digits(2);
    if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
    time = ((hour * 60 + minute) * 60 + second) * us_a_second;
    if (scan.one_of(".") != 0) time += scan.fraction();
    if (const char sign = scan.one_of("+-"); sign != 0) {
      const auto hours = scan.digits(2);
      scan.expect(":");
      const auto offset = (hours * 60 + scan.digits(2)) * 60 * us_a_second;
      time += sign == '+' ? -offset : offset;
    } else {
      scan.expect("Zz");
    }
  }
  if (!scan.complete() || !date.ok()) return std::nullopt;
  return duration_cast<microseconds>(sys_days(date).time_since_epoch()).count() + time;
}

tl::expected<std::int64_t, std::string> parse_time(const std::string& text, std::int64_t now_us) {
  if (const auto age = parse_age(text)) return now_us - *age;
  if (const auto time = from_rfc3339(text)) return *time;
  return tl::unexpected("'" + text +
                        "' is no time: expected RFC 3339 such as 2026-11-22T06:14:04Z, a date, or "
                        "an age such as 90s, 15m, 2h, 3d");
}

}  // namespace platen::events
