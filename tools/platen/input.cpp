#include "tools/platen/input.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

namespace platen::cli {

std::optional<std::string> read_input(const std::string& file) {
  std::ifstream opened;
  if (file != "-") opened.open(file);
  std::istream& in = file == "-" ? std::cin : opened;
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace platen::cli
