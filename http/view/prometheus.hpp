// Prometheus' text format, version 0.0.4: samples of one metric stand together under its head.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace platen::http {

class prometheus_text {
 public:
  using labels = std::vector<std::pair<std::string_view, std::string>>;
  enum class kind { gauge, counter };

  // `help` is one sentence; that of a metric's first sample counts.
  void add(const std::string& metric, kind what, std::string_view help, double value,
           const labels& of = {});

  // In the order of the metrics' first samples.
  std::string finish() &&;

 private:
  std::vector<std::string> metrics_;
  std::map<std::string, std::string> samples_;  // with their head
};

}  // namespace platen::http
