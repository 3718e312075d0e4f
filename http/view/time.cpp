#include "http/view/time.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "events/json.hpp"

namespace platen::http {
namespace {

// Takes fixed-width numbers and single characters off the front of a text.
class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {}

  int number(std::size_t width) {
    int value = 0;
    const auto part = text_.substr(0, width);
    const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), value);
    const bool whole = part.size() == width && code == std::errc{} && end == part.data() + width &&
                       part.front() != '-';
    valid_ &= whole;
    text_.remove_prefix(part.size());
    return whole ? value : 0;
  }

  bool accept(std::string_view any_of) {
    if (text_.empty() || any_of.find(text_.front()) == std::string_view::npos) return false;
    taken_ = text_.front();
    text_.remove_prefix(1);
    return true;
  }

  void expect(std::string_view any_of) { valid_ &= accept(any_of); }

  std::int64_t microseconds() {
    if (!accept(".")) return 0;
    std::int64_t value = 0;
    std::int64_t unit = 100'000;
    std::size_t digits = 0;
    while (accept("0123456789") && digits < 9) {
      value += unit * (taken_ - '0');
      unit /= 10;
      ++digits;
    }
    valid_ &= digits > 0;
    return value;
  }

  char taken() const { return taken_; }
  bool complete() const { return valid_ && text_.empty(); }

 private:
  std::string_view text_;
  bool valid_ = true;
  char taken_ = 0;
};

}  // namespace

std::string to_seconds_text(std::int64_t time_us) {
  auto text = events::to_rfc3339(time_us);
  const auto dot = text.find('.');
  if (dot != std::string::npos) text.replace(dot, std::string::npos, "Z");
  return text;
}

std::optional<std::int64_t> from_rfc3339(std::string_view text) {
  using namespace std::chrono;
  scanner scan(text);
  const year y(scan.number(4));
  scan.expect("-");
  const month m(static_cast<unsigned>(scan.number(2)));
  scan.expect("-");
  const day d(static_cast<unsigned>(scan.number(2)));
  scan.expect("Tt ");
  const int hour_of_day = scan.number(2);
  scan.expect(":");
  const int minute = scan.number(2);
  scan.expect(":");
  const int second = scan.number(2);
  const auto fraction = scan.microseconds();
  int offset_minutes = 0;
  if (!scan.accept("Zz")) {
    scan.expect("+-");
    const int sign = scan.taken() == '-' ? -1 : 1;
    const int offset_hours = scan.number(2);
    scan.expect(":");
    offset_minutes = sign * (offset_hours * 60 + scan.number(2));
  }
  const year_month_day date(y, m, d);
  if (!scan.complete() || !date.ok() || hour_of_day > 23 || minute > 59 || second > 60)
    return std::nullopt;
  const auto since_epoch = sys_days(date).time_since_epoch() + hours(hour_of_day) +
                           minutes(minute - offset_minutes) + seconds(second);
  return duration_cast<microseconds>(since_epoch).count() + fraction;
}

}  // namespace platen::http
