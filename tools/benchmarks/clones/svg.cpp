#include "tools/benchmarks/clones/svg.hpp"

#include <cstdio>

namespace platen::benchmarks {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// ` name="value"`
std::string with(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + std::string(value) + "\"";
}
std::string with(std::string_view name, double value) {
  return with(name, number(value));
}

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '<')
      safe += "&lt;";
    else if (c == '&')
      safe += "&amp;";
    else
      safe += c;
  }
  return safe;
}

}  // namespace

svg::svg(double width, double height) : width_(width), height_(height) {
  box(0, 0, width, height, "#fff");
}

void svg::line(double x1, double y1, double x2, double y2, std::string_view colour, double width) {
  shapes_ += "<line" + with("x1", x1) + with("y1", y1) + with("x2", x2) + with("y2", y2) +
             with("stroke", colour) + with("stroke-width", width) + "/>\n";
}

void svg::box(double x, double y, double width, double height, std::string_view colour) {
  shapes_ += "<rect" + with("x", x) + with("y", y) + with("width", width) + with("height", height) +
             with("fill", colour) + "/>\n";
}

void svg::dot(double x, double y, std::string_view colour) {
  shapes_ += "<circle" + with("cx", x) + with("cy", y) + with("r", 3.0) + with("fill", colour) +
             with("fill-opacity", 0.6) + "/>\n";
}

void svg::text(double x, double y, std::string_view what, double size, anchor where,
               std::string_view colour) {
  constexpr std::string_view names[] = {"start", "middle", "end"};
  shapes_ += "<text" + with("x", x) + with("y", y) + with("font-size", size) +
             with("text-anchor", names[static_cast<int>(where)]) + with("fill", colour) + ">" +
             escaped(what) + "</text>\n";
}

std::string svg::document() const {
  const auto size = number(width_) + " " + number(height_);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\"" + with("width", width_) +
         with("height", height_) + with("viewBox", "0 0 " + size) +
         " font-family=\"sans-serif\">\n" + shapes_ + "</svg>\n";
}

}  // namespace platen::benchmarks
