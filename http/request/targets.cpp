#include "http/request/targets.hpp"

#include <algorithm>

namespace platen::http {

std::vector<actors::reference> read_query_references(query_reader& query) {
  std::vector<actors::reference> all;
  for (const auto& uuid : query.all("uuid")) {
    if (!is_uuid(uuid)) query.problem().report("Invalid uuid '" + uuid.substr(0, 64) + "'");
    all.push_back({to_lower(uuid), ""});
  }
  for (const auto& name : query.all("name")) {
    if (!is_name(name)) query.report("name", "must be " + std::string(name_rule));
    all.push_back({"", name});
  }
  return all;
}

actors::reference read_item_reference(object_reader& item) {
  actors::reference which;
  which.uuid = item.text("uuid", 64).value_or("");
  which.name = item.text("name", 4096).value_or("");
  if (item.has("uuid") == item.has("name"))
    item.problem().report("exactly one of '" + item.path_of("uuid") + "' and '" +
                          item.path_of("name") + "' is required");
  if (item.has("uuid") && !is_uuid(which.uuid))
    item.problem().report("Invalid uuid '" + which.uuid + "'");
  if (item.has("name") && !is_name(which.name))
    item.report("name", "must be " + std::string(name_rule));
  which.uuid = to_lower(which.uuid);
  return which;
}

std::vector<const nlohmann::json*> body_items(const nlohmann::json& body, bool path_names_target,
                                              std::size_t items_limit, first_problem& problem) {
  if (!body.is_array()) return {&body};
  if (path_names_target && body.size() != 1)
    problem.report("the request body must have exactly one item: the path names one target");
  if (body.size() > items_limit)
    problem.report("the request body has more than " + std::to_string(items_limit) + " items");
  std::vector<const nlohmann::json*> items;
  for (const auto& item : body)
    items.push_back(&item);
  return items;
}

bool is_blank(const std::string& body) {
  return body.find_first_not_of(" \t\r\n") == std::string::npos;
}

std::optional<request_error> fault_of_bare_request(const std::string& target,
                                                   const std::string& body) {
  first_problem problem;
  query_reader(target, problem).refuse_others();
  if (!is_blank(body)) problem.report("this request takes no body");
  return problem.error();
}

}  // namespace platen::http
