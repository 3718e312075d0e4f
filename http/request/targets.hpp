// Which instances or templates a request is about, and with which options for each: by path, by
// query or by body, never by two of them.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "actors/control_plane.hpp"
#include "http/request/json_body.hpp"
#include "http/request/object_reader.hpp"
#include "http/request/query_reader.hpp"
#include "http/request/text_rules.hpp"
#include "http/request/wait_time.hpp"

namespace platen::http {

// The parts of a request that matter here.
struct target_source {
  std::string path_uuid;  // empty: the path names none
  std::string target;     // with the query
  std::string body;
  std::size_t items_limit = 0;
};

template <class Options>
struct target {
  actors::reference which;
  Options options;
};

// References in a query, in the order uuids, names.
std::vector<actors::reference> read_query_references(query_reader& query);

// The reference of one item of a body.
actors::reference read_item_reference(object_reader& item);

// The items of a body; problems are reported. A path that names its target takes one at most.
std::vector<const nlohmann::json*> body_items(const nlohmann::json& body, bool path_names_target,
                                              std::size_t items_limit, first_problem& problem);

bool is_blank(const std::string& body);

// The fault of a request that has a query or a body and may have neither.
std::optional<request_error> fault_of_bare_request(const std::string& target,
                                                   const std::string& body);

// Reads them all, with the options for each.
template <class Options>
class target_list {
 public:
  using query_options = std::function<void(query_reader&, Options&)>;
  using item_options = std::function<void(object_reader&, Options&)>;

  // Options in the query are the defaults of each item's own. An empty result means that the
  // request names no target.
  static tl::expected<std::vector<target<Options>>, request_error> read(
      const target_source& from, const query_options& of_query, const item_options& of_item) {
    target_list list(from);
    list.read_query(of_query);
    if (!is_blank(from.body) && !list.problem_.found()) list.read_body(of_item);
    if (list.problem_.found()) return tl::unexpected(*list.problem_.error());
    return std::move(list.all_);
  }

 private:
  explicit target_list(const target_source& from) : from_(from), by_path_(!from.path_uuid.empty()) {
    if (by_path_ && !is_uuid(from.path_uuid))
      problem_.report("Invalid uuid '" + from.path_uuid.substr(0, name_limit) + "'");
  }

  void read_query(const query_options& read_options) {
    query_reader query(from_.target, problem_);
    const auto named = read_query_references(query);
    read_options(query, defaults_);
    query.refuse_others();
    if (by_path_ && !named.empty())
      problem_.report("'uuid' and 'name' cannot be in the query: the path names the target");
    if (named.size() > from_.items_limit)
      problem_.report("the query names more than " + std::to_string(from_.items_limit) +
                      " targets");
    for (const auto& which : named)
      all_.push_back({which, defaults_});
    if (by_path_) all_.push_back({{to_lower(from_.path_uuid), ""}, defaults_});
  }

  void read_body(const item_options& read_options) {
    const auto body = parse_json(from_.body, "the request body");
    if (!body) return problem_.report(body.error().message);
    if (!by_path_ && !all_.empty())
      return problem_.report(
          "'uuid' or 'name' cannot be given in the URL together with a request body");
    for (const auto* value : body_items(*body, by_path_, from_.items_limit, problem_)) {
      if (problem_.found()) return;
      const bool in_array = body->is_array() && !by_path_;
      object_reader item(*value, in_array ? "[" + std::to_string(all_.size()) + "]" : "", problem_);
      read_one(item, read_options);
    }
  }

  void read_one(object_reader& item, const item_options& read_options) {
    if (!by_path_) {
      all_.push_back({read_item_reference(item), defaults_});
    } else if (item.has("uuid") || item.has("name")) {
      problem_.report("'uuid' and 'name' cannot be in the body: the path names the target");
    }
    read_options(item, all_.back().options);
    item.refuse_others();
  }

  const target_source& from_;
  const bool by_path_;
  first_problem problem_;
  Options defaults_;
  std::vector<target<Options>> all_;
};

}  // namespace platen::http
