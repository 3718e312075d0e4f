// What a benchmark found: named numbers, printed as they come and as JSON at the end.
#pragma once

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

namespace platen::benchmarks {

class figures {
 public:
  void add(const std::string& name, double value, const std::string& unit) {
    std::cerr << std::left << std::setw(52) << name << std::right << std::fixed
              << std::setprecision(value < 100 ? 2 : 0) << std::setw(12) << value << ' ' << unit
              << std::endl;
    all_.push_back({{"name", name}, {"value", value}, {"unit", unit}});
  }

  void print_json() const { std::cout << all_.dump(1) << '\n'; }

 private:
  nlohmann::json all_ = nlohmann::json::array();
};

}  // namespace platen::benchmarks
