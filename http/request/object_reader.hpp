// Reads one JSON object strictly: typed members with bounds, and nothing that nobody asked for.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/request/errors.hpp"

namespace platen::http {

// The first fault found in a request; later ones are dropped, so readers need no branches.
class first_problem {
 public:
  void report(std::string message) {
    if (!found_) found_ = request_error{400, std::move(message), {}};
  }
  bool found() const { return found_.has_value(); }
  const std::optional<request_error>& error() const { return found_; }

 private:
  std::optional<request_error> found_;
};

// After a problem the members still answer, with what could be read; the caller looks at the
// problem once, at the end. `value` and `problem` must outlive the reader.
class object_reader {
 public:
  // `path` names the object in messages, "template.create_args"; empty for the body itself.
  object_reader(const nlohmann::json& value, std::string path, first_problem& problem);

  // "template.create_args.memory_mb"
  std::string path_of(std::string_view member) const;
  bool has(std::string_view member) const;

  // Nothing if the member is absent or wrong; wrong is reported.
  std::optional<std::string> text(std::string_view member, std::size_t bytes_limit);
  std::optional<std::int64_t> integer(std::string_view member, std::int64_t least,
                                      std::int64_t most);
  std::optional<bool> boolean(std::string_view member);
  // Null if the member is absent or wrong; wrong is reported.
  const nlohmann::json* object(std::string_view member);
  const nlohmann::json* array(std::string_view member, std::size_t items_limit);
  const nlohmann::json* any(std::string_view member);
  std::vector<std::string> texts(std::string_view member, std::size_t items_limit,
                                 std::size_t bytes_limit);

  // Members that the API has and Platen has not: refused by name, never ignored.
  void not_supported_yet(std::initializer_list<std::string_view> members);

  // Call last: reports each member that nothing above asked for.
  void refuse_others();

  // "'<path of member>' <what is wrong>"
  void report(std::string_view member, std::string_view what);
  first_problem& problem() { return problem_; }

 private:
  const nlohmann::json* find(std::string_view member);

  const nlohmann::json& value_;
  const std::string path_;
  first_problem& problem_;
  std::vector<std::string> known_;
};

}  // namespace platen::http
