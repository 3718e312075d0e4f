// What every answer looks like (reference/unikraft-api.md §2): an envelope around a list of items,
// each of which says for itself whether it succeeded.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "http/request/errors.hpp"

namespace platen::http {

using json_object = nlohmann::ordered_json;  // members keep the order in which they were set

// Objects grow by copying what they have, deeply: one that will have many members gets room first.
void make_room(json_object& in, std::size_t members);

struct reply {
  int status = 200;  // HTTP
  json_object body;  // without op_time_us
  std::optional<int> retry_after_s;
  std::optional<std::string> text;  // sent instead of `body`, as text/plain
};

// A fault of the whole request.
reply to_reply(const request_error& error);

// {"status":"success","data":{...}}
reply success(json_object data);

// The items of one answer, in the order of the request's.
class item_list {
 public:
  explicit item_list(std::string list_name) : name_(std::move(list_name)) {}

  // The members of `fields` follow the item's own status, message and error.
  void succeeded(json_object fields);
  void failed(json_object fields, const std::string& message, std::optional<item_code> code);
  // No code and no message: clients know a timeout by the envelope's message.
  void timed_out(json_object fields);

  void warn(std::vector<std::string> messages);
  // The daemon ends while items were waited for: the answer is 503 and still lists them.
  void interrupted() { interrupted_ = true; }

  std::size_t size() const { return items_.size(); }
  reply finish() &&;

 private:
  std::string message() const;

  std::string name_;
  std::vector<json_object> items_;
  std::vector<std::string> warnings_;
  std::size_t failures_ = 0;
  bool timed_out_ = false;
  bool interrupted_ = false;
};

}  // namespace platen::http
