// A drawing of lines, boxes and text, written as SVG.
#pragma once

#include <string>
#include <string_view>

namespace platen::benchmarks {

class svg {
 public:
  enum class anchor { start, middle, end };

  svg(double width, double height);

  void line(double x1, double y1, double x2, double y2, std::string_view colour, double width = 1);
  void box(double x, double y, double width, double height, std::string_view colour);
  void dot(double x, double y, std::string_view colour);
  void text(double x, double y, std::string_view what, double size = 13,
            anchor where = anchor::start, std::string_view colour = "#222");

  std::string document() const;

 private:
  double width_;
  double height_;
  std::string shapes_;
};

}  // namespace platen::benchmarks
