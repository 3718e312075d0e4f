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

result<json> read_json(const std::string& file) {
  const auto text = read_input(file);
  if (!text) return fail(exit_code::usage, "cannot read " + file);
  auto value = json::parse(*text, nullptr, false);
  if (value.is_discarded()) return fail(exit_code::usage, file + " holds no valid JSON");
  return value;
}

}  // namespace platen::cli
