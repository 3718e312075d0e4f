// What instances and templates have in common on the command line: how they are named, fetched,
// deleted, and how their output is read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/platen/client.hpp"

namespace platen::cli {

struct entity_kind {
  std::string path;                // "/v1/instances"
  std::string noun;                // "instance"
  std::string list = "instances";  // of the items in an answer
};

const entity_kind& instances();
const entity_kind& templates();
const entity_kind& services();
const entity_kind& certificates();
const entity_kind& factories();  // there is one, and it is not named

bool is_uuid(const std::string& text);

// {"uuid": ...} if it looks like one, else {"name": ...}.
json reference_to(const std::string& name_or_uuid);
query query_for(const std::string& name_or_uuid);

result<json> fetch_one(client& api, const entity_kind& kind, const std::string& name_or_uuid);
result<std::vector<json>> fetch_all(client& api, const entity_kind& kind);

// On stderr.
void print_warnings(const reply& answer);

// The items that succeeded, in order; the failed ones are reported on stderr. If there are any,
// `worst` is the failure of the first, without a message.
struct bulk_outcome {
  std::vector<json> done;
  std::optional<failure> worst;
};
bulk_outcome sort_items(const reply& answer, const entity_kind& kind = instances());

// The items that succeeded, as JSON or a line each; the failure that is left.
result<void> print_outcome(const bulk_outcome& outcome, bool as_json,
                           const std::function<std::string(const json&)>& line_of);

result<void> remove_all(client& api, const entity_kind& kind, const std::vector<std::string>& which,
                        bool as_json);

struct log_wish {
  std::string which;
  bool console = false;          // the kernel's console instead of the workload's output
  std::uint64_t tail_bytes = 0;  // 0: from the beginning
};
// Writes the bytes to stdout as they are.
result<void> print_log(client& api, const entity_kind& kind, const log_wish& wish);

}  // namespace platen::cli
