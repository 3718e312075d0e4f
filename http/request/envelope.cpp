#include "http/request/envelope.hpp"

#include <algorithm>
#include <utility>

namespace platen::http {
namespace {

json_object merged(json_object head, json_object fields) {
  make_room(head, head.size() + fields.size());
  for (auto& [name, value] : fields.items())
    head[name] = std::move(value);
  return head;
}

}  // namespace

void make_room(json_object& in, std::size_t members) {
  in.get_ref<json_object::object_t&>().reserve(members);
}

reply to_reply(const request_error& error) {
  reply made;
  made.status = error.status;
  made.retry_after_s = error.retry_after_s;
  made.body["status"] = "error";
  made.body["message"] = error.message;
  made.body["errors"] = json_object::array({json_object{{"status", error.status}}});
  return made;
}

reply success(json_object data) {
  reply made;
  made.body["status"] = "success";
  made.body["data"] = std::move(data);
  return made;
}

void item_list::succeeded(json_object fields) {
  items_.push_back(merged({{"status", "success"}}, std::move(fields)));
}

void item_list::failed(json_object fields, const std::string& message,
                       std::optional<item_code> code) {
  json_object head{{"status", "error"}};
  head["message"] = message;
  if (code) head["error"] = static_cast<int>(*code);
  items_.push_back(merged(std::move(head), std::move(fields)));
  ++failures_;
}

void item_list::timed_out(json_object fields) {
  items_.push_back(merged({{"status", "error"}}, std::move(fields)));
  ++failures_;
  timed_out_ = true;
}

void item_list::warn(std::vector<std::string> messages) {
  for (auto& message : messages)
    if (std::find(warnings_.begin(), warnings_.end(), message) == warnings_.end())
      warnings_.push_back(std::move(message));
}

std::string item_list::message() const {
  if (interrupted_) return "The daemon is stopping; what was begun goes on when it runs again";
  if (timed_out_) return "Operation timed out";
  return "Failed to perform all operations";
}

reply item_list::finish() && {
  reply made;
  const bool all_failed = failures_ > 0 && failures_ == items_.size();
  made.body["status"] = failures_ == 0 ? "success" : all_failed ? "error" : "partial_success";
  if (failures_ > 0 || interrupted_) made.body["message"] = message();
  made.body["data"][name_] = std::move(items_);
  if (interrupted_) {
    made.status = 503;
    made.retry_after_s = 5;
    made.body["status"] = "error";
    made.body["errors"] = json_object::array({json_object{{"status", 503}}});
  }
  if (!warnings_.empty()) {
    auto& warnings = made.body["warnings"] = json_object::array();
    for (auto& message : warnings_)
      warnings.push_back({{"message", std::move(message)}});
  }
  return made;
}

}  // namespace platen::http
