// Draws what tools/bench clones measured: clone_plots bench-clones.json DIRECTORY writes
// clones-latency.svg (each VM a dot, the median a stroke, logarithmic), clones-wall.svg (how long a
// whole set took) and clones-memory.svg (PSS of a whole set, by VM).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/benchmarks/clones/svg.hpp"

namespace {

using json = nlohmann::json;
using platen::benchmarks::svg;

constexpr double left = 330;
constexpr double plot_width = 560;
constexpr double row_height = 26;
constexpr double top = 60;
constexpr double bottom = 50;
constexpr auto grey = "#ccc";

struct row {
  std::string label;
  std::string colour;
  std::vector<double> values;
};

std::string colour_of(const std::string& method) {
  if (method.starts_with("Platen"))
    return method.find("cold") == std::string::npos ? "#0a7" : "#456";
  return method.starts_with("libvirt") ? "#b50" : "#a7a";
}

std::string label_of(const json& series) {
  const auto count = series["count"].get<int>();
  const auto at_once = series["at_once"].get<int>();
  auto label = series["method"].get<std::string>() + ", " + std::to_string(count) +
               (count == 1 ? " VM" : " VMs");
  if (at_once > 1) label += ", " + std::to_string(at_once) + " at once";
  if (series["memory_mb"] != 128) label += ", " + series["memory_mb"].dump() + " MB";
  return label;
}

// 12345 as "12,345", 1.234 as "1.23", 20 as "20".
std::string shown(double value) {
  char text[32];
  const bool whole = std::abs(value - std::round(value)) < 1e-9 || value >= 100;
  std::snprintf(text, sizeof text, whole ? "%.0f" : value < 10 ? "%.2f" : "%.1f", value);
  std::string digits = text;
  if (digits.find('.') == std::string::npos)
    for (int place = static_cast<int>(digits.size()) - 3; place > 0; place -= 3)
      digits.insert(static_cast<std::size_t>(place), ",");
  return digits;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Where values lie on the axis, and which of them are written below it.
struct scale {
  std::function<double(double)> x_of;
  std::vector<double> marks;
};

double largest(const std::vector<row>& rows) {
  double high = 0;
  for (const auto& one : rows)
    high = std::max(high, *std::max_element(one.values.begin(), one.values.end()));
  return high;
}

// From one power of ten to another.
scale logarithmic(const std::vector<row>& rows) {
  double low = largest(rows);
  for (const auto& one : rows)
    for (const double value : one.values)
      if (value > 0) low = std::min(low, value);
  const double begin = std::floor(std::log10(low));
  const double end = std::max(begin + 1, std::ceil(std::log10(largest(rows))));
  scale made;
  made.x_of = [=](double value) {
    return left + plot_width * (std::log10(value) - begin) / (end - begin);
  };
  for (double decade = begin; decade <= end; ++decade)
    made.marks.push_back(std::pow(10, decade));
  return made;
}

// From 0, in 4 to 10 round steps.
scale linear(const std::vector<row>& rows) {
  const double high = largest(rows);
  double step = std::pow(10, std::floor(std::log10(high)));
  while (high / step < 4)
    step /= 2;
  const double end = step * std::ceil(high / step);
  scale made;
  made.x_of = [=](double value) { return left + plot_width * value / end; };
  for (double mark = 0; mark <= end * 1.001; mark += step)
    made.marks.push_back(mark);
  return made;
}

enum class style { bars, dots };

std::string draw(const std::string& title, const std::string& axis, const std::vector<row>& rows,
                 style how) {
  const double height = top + row_height * static_cast<double>(rows.size()) + bottom;
  svg picture(left + plot_width + 90, height);
  picture.text(16, 26, title, 17);
  if (rows.empty()) return picture.document();
  const auto axis_scale = how == style::bars ? linear(rows) : logarithmic(rows);
  for (const double mark : axis_scale.marks) {
    const double x = axis_scale.x_of(mark);
    picture.line(x, top - 8, x, height - bottom, grey);
    picture.text(x, height - bottom + 18, shown(mark), 12, svg::anchor::middle);
  }
  picture.text(left + plot_width / 2, height - 10, axis, 12, svg::anchor::middle);
  double middle = top + row_height / 2;
  for (const auto& one : rows) {
    const double half = axis_scale.x_of(median(one.values));
    picture.text(left - 10, middle + 4, one.label, 12, svg::anchor::end);
    if (how == style::bars) picture.box(left, middle - 7, half - left, 14, one.colour);
    if (how == style::dots) {
      for (const double value : one.values)
        picture.dot(axis_scale.x_of(value), middle, one.colour);
      picture.line(half, middle - 9, half, middle + 9, one.colour, 3);
    }
    const double rightmost = *std::max_element(one.values.begin(), one.values.end());
    picture.text(axis_scale.x_of(rightmost) + 8, middle + 4, shown(median(one.values)), 12);
    middle += row_height;
  }
  return picture.document();
}

std::vector<row> rows_of(const json& all,
                         const std::function<std::vector<double>(const json&)>& values) {
  std::vector<row> rows;
  for (const auto& series : all["series"]) {
    auto found = values(series);
    if (!found.empty()) rows.push_back({label_of(series), colour_of(series["method"]), found});
  }
  return rows;
}

bool write(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  out.close();
  if (!out) std::cerr << "cannot write " << path << '\n';
  return static_cast<bool>(out);
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app("Draws what tools/bench clones measured");
  std::string from;
  std::string to;
  app.add_option("json", from)->required()->check(CLI::ExistingFile);
  app.add_option("directory", to)->required()->check(CLI::ExistingDirectory);
  CLI11_PARSE(app, count, arguments);
  std::ifstream in(from);
  const auto all = json::parse(in, nullptr, false);
  if (!all.is_object() || !all.contains("series")) {
    std::cerr << from << " is not what tools/bench clones writes\n";
    return 1;
  }
  const auto served = rows_of(all, [](const json& series) {
    std::vector<double> times;
    for (const auto& vm : series["vms"])
      if (vm.contains("first_byte_ms")) times.push_back(vm["first_byte_ms"]);
    return times;
  });
  const auto wall = rows_of(all, [](const json& series) {
    const bool told = series["count"] > 1 && series["vms"][0].contains("first_byte_ms");
    return told ? std::vector<double>{series["wall_s"].get<double>()} : std::vector<double>{};
  });
  const auto memory = rows_of(all, [](const json& series) {
    const auto processes = series.value("processes", 0.0);
    return processes == 0
               ? std::vector<double>{}
               : std::vector<double>{series["pss_bytes"].get<double>() / processes / 1048576};
  });
  const bool written =
      write(to + "/clones-latency.svg",
            draw("From the request to the workload's first byte over HTTP",
                 "milliseconds, logarithmic; a dot is a VM, the stroke and the number the median",
                 served, style::dots)) &&
      write(to + "/clones-wall.svg",
            draw("Until all VMs of a set served", "seconds", wall, style::bars)) &&
      write(
          to + "/clones-memory.svg",
          draw("Memory of a VM while its whole set runs",
               "MiB of PSS by VM; what several share is divided among them", memory, style::bars));
  return written ? 0 : 1;
}
