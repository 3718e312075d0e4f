#include "conformance.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "fixture.hpp"

namespace platen::testing {
namespace {

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  std::istringstream text(path);
  for (std::string part; std::getline(text, part, '/');)
    parts.push_back(part);
  return parts;
}

bool is_argument(const std::string& part) {
  return part.starts_with('{');
}

// How many arguments the pattern has, if the path fits it.
std::optional<std::size_t> arguments_of(const std::string& pattern, const std::string& path) {
  const auto wanted = parts_of(pattern);
  const auto given = parts_of(path);
  if (wanted.size() != given.size() || path.ends_with('/')) return std::nullopt;
  std::size_t arguments = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == given[i]) continue;
    if (!is_argument(wanted[i])) return std::nullopt;
    ++arguments;
  }
  return arguments;
}

std::string lower(std::string text) {
  for (auto& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// What concerns the request before it has a route.
const json& any_error() {
  static const json reference{{"$ref", "#/components/schemas/Error"}};
  return reference;
}

}  // namespace

conformance::conformance()
    : document_([] {
        std::ifstream file(PLATEN_OPENAPI_FILE);
        return json::parse(file);
      }()) {}

conformance::~conformance() = default;

conformance& conformance::of_the_api() {
  static conformance one;
  return one;
}

std::vector<std::string> conformance::operations() const {
  std::vector<std::string> all;
  for (const auto& [path, methods] : document_.at("paths").items())
    for (const auto& [method, ignored] : methods.items()) {
      auto name = method;
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      all.push_back(name + " " + path);
    }
  std::sort(all.begin(), all.end());
  return all;
}

const json* conformance::operation(const std::string& method, const std::string& path) const {
  const json* best = nullptr;
  std::size_t fewest = SIZE_MAX;
  const auto wanted = method == "HEAD" ? "get" : lower(method);
  for (const auto& [pattern, methods] : document_.at("paths").items()) {
    const auto arguments = arguments_of(pattern, path);
    if (!arguments || *arguments >= fewest) continue;
    fewest = *arguments;
    const auto found = methods.find(wanted);
    best = found == methods.end() ? nullptr : &*found;
  }
  return best;
}

const json& conformance::resolved(const json& value) const {
  const auto reference = value.find("$ref");
  if (reference == value.end()) return value;
  return document_.at(json::json_pointer(reference->get<std::string>().substr(1)));
}

std::string conformance::errors(const json& schema, const json& value) {
  const std::lock_guard lock(mutex_);
  auto& known = schemas_[schema.dump()];
  if (!known) {
    auto whole = schema;
    whole["components"] = document_.at("components");
    known = std::make_unique<valijson::Schema>();
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(whole), *known);
  }
  valijson::ValidationResults found;
  // It keeps the regular expressions it has compiled.
  static valijson::Validator validator;
  if (validator.validate(*known, valijson::adapters::NlohmannJsonAdapter(value), &found)) return "";
  std::string text;
  for (const auto& error : found) {
    for (const auto& step : error.context)
      text += step;
    text += ": " + error.description + "\n";
  }
  return text.empty() ? "does not fit" : text;
}

std::string conformance::item_errors(const json& envelope, const json& body) {
  const auto& documented = resolved(envelope);
  if (!documented.contains("properties") || !body.contains("data")) return "";
  const auto data = documented["properties"].find("data");
  if (data == documented["properties"].end()) return "";
  std::string text;
  for (const auto& [list, items] : body["data"].items()) {
    const auto known = (*data)["properties"].find(list);
    if (known == (*data)["properties"].end() || !known->contains("items")) continue;
    for (const auto& item : items) {
      std::string nearest;
      for (const auto& alternative : (*known)["items"]["anyOf"]) {
        const auto wrong = errors(alternative, item);
        if (&alternative == &(*known)["items"]["anyOf"][0] || wrong.size() < nearest.size())
          nearest = wrong;
        if (wrong.empty()) break;
      }
      if (!nearest.empty()) text += nearest + "in " + item.dump() + "\n";
    }
  }
  return text;
}

std::optional<std::string> conformance::problem_of_request(const json& operation,
                                                           const std::string& body) {
  const auto given = json::parse(body, nullptr, false);
  if (given.is_discarded()) return std::nullopt;
  const auto documented = operation.find("requestBody");
  if (documented == operation.end()) return "the request has a body, and none is documented";
  const auto& content = (*documented)["content"];
  if (!content.contains("application/json")) return std::nullopt;
  const auto wrong = errors(content["application/json"]["schema"], given);
  if (wrong.empty()) return std::nullopt;
  return "the request was accepted, but its body is not as documented:\n" + wrong;
}

std::optional<std::string> conformance::problem_of_answer(const json& operation,
                                                          const answer& answered) {
  const auto status = std::to_string(answered.status);
  const auto& documented = operation.at("responses");
  if (!documented.contains(status)) return "the status " + status + " is not documented";
  const auto& content = resolved(documented[status])["content"];
  auto type = answered.header("content-type");
  type = type.substr(0, type.find(';'));
  if (!content.contains(type)) return "the content type '" + type + "' is not documented";
  if (type != "application/json" || answered.text.empty()) return std::nullopt;
  const auto& schema = content[type]["schema"];
  const auto wrong = errors(schema, answered.body);
  if (wrong.empty()) return std::nullopt;
  return "the answer is not as documented:\n" + wrong + item_errors(schema, answered.body);
}

std::optional<std::string> conformance::problem_with(const std::string& method,
                                                     const std::string& target,
                                                     const std::string& request_body,
                                                     const answer& answered) {
  const auto path = target.substr(0, target.find('?'));
  const auto* of = operation(method, path);
  std::optional<std::string> problem;
  if (of == nullptr && answered.status < 400) problem = "there is no such operation";
  if (of == nullptr && method != "HEAD") {
    const auto wrong = errors(any_error(), answered.body);
    if (!wrong.empty()) problem = "the error is not as documented:\n" + wrong;
  }
  if (of != nullptr) problem = problem_of_answer(*of, answered);
  if (of != nullptr && !problem && answered.status == 200 && !request_body.empty())
    problem = problem_of_request(*of, request_body);
  if (!problem) return std::nullopt;
  return "http/openapi.json and the server differ about " + method + " " + target + ": " +
         *problem + "\nanswer: " + answered.text + "\nrequest: " + request_body;
}

}  // namespace platen::testing
