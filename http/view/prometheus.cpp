#include "http/view/prometheus.hpp"

#include <array>
#include <charconv>

namespace platen::http {
namespace {

// Exact for whole numbers below 2^53.
std::string number(double value) {
  std::array<char, 32> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  return {text.data(), end.ptr};
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

}  // namespace

void prometheus_text::add(const std::string& metric, kind what, std::string_view help, double value,
                          const labels& of) {
  auto& text = samples_[metric];
  if (text.empty()) {
    metrics_.push_back(metric);
    text = "# HELP " + metric + " " + std::string(help) + "\n# TYPE " + metric +
           (what == kind::counter ? " counter\n" : " gauge\n");
  }
  text += metric;
  std::string separator = "{";
  for (const auto& [name, content] : of) {
    text += separator + std::string(name) + "=\"" + escaped(content) + '"';
    separator = ",";
  }
  text += (of.empty() ? " " : "} ") + number(value) + '\n';
}

std::string prometheus_text::finish() && {
  std::string all;
  for (const auto& metric : metrics_)
    all += samples_[metric];
  return all;
}

}  // namespace platen::http
