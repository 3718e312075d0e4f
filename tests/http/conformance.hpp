// Holds what the server answers, and the requests it accepted, against http/openapi.json.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace valijson {
class Schema;
}

namespace platen::testing {

struct answer;

// Thread-safe.
class conformance {
 public:
  conformance();
  ~conformance();

  // Of the file; read once.
  static conformance& of_the_api();

  // What is not as documented, and where; nothing if all is.
  std::optional<std::string> problem_with(const std::string& method, const std::string& target,
                                          const std::string& request_body, const answer& answered);

  // "GET /v1/instances/{uuid}", sorted.
  std::vector<std::string> operations() const;
  const nlohmann::json& document() const { return document_; }

 private:
  using json = nlohmann::json;

  const json* operation(const std::string& method, const std::string& path) const;
  const json& resolved(const json& value) const;
  std::optional<std::string> problem_of_request(const json& operation, const std::string& body);
  std::optional<std::string> problem_of_answer(const json& operation, const answer& answered);
  // The errors of `value` against the schema; empty if there are none.
  std::string errors(const json& schema, const json& value);
  // Why none of the alternatives fits an item of the answer, told by the nearest of them.
  std::string item_errors(const json& envelope, const json& body);

  const json document_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<valijson::Schema>> schemas_;  // by their text
};

}  // namespace platen::testing
