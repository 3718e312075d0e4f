// Reads a query string as strictly as object_reader reads an object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/request/object_reader.hpp"

namespace platen::http {

class query_reader {
 public:
  // `target` is the request's target, with or without a query.
  query_reader(std::string_view target, first_problem& problem);

  std::string path_of(std::string_view name) const { return std::string(name); }
  bool has(std::string_view name) const;

  // Nothing if the parameter is absent or wrong; wrong, and given twice, is reported.
  std::optional<std::string> text(std::string_view name, std::size_t bytes_limit);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<bool> boolean(std::string_view name);
  // Of a parameter that may be repeated, the last one counts. Nothing if it is absent or too long.
  std::optional<std::string> last(std::string_view name, std::size_t bytes_limit);
  // All values of a parameter that may be repeated, in order.
  std::vector<std::string> all(std::string_view name);

  void not_supported_yet(std::initializer_list<std::string_view> names);
  // Call last: reports each parameter that nothing above asked for.
  void refuse_others();

  void report(std::string_view name, std::string_view what);
  first_problem& problem() { return problem_; }

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
  std::vector<std::string> known_;
  first_problem& problem_;
};

}  // namespace platen::http
