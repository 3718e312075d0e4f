// What a create is waiting for, read off the event log: which events concern it, and what they mean
// in a few words.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace platen::cli {

struct watched {
  std::string template_name;    // empty: none
  std::string template_stream;  // "template/<uuid>" if it exists already
  std::string instance_name;    // empty: only the template
  std::string instance_stream;
};

class stage_tracker {
 public:
  explicit stage_tracker(watched what) : what_(std::move(what)) {}

  // Takes one event in its JSON form. True if the stage changed.
  bool feed(const nlohmann::json& event);

  // "template 'web': awaiting the guest's signal (tcg)"; empty before the first event.
  const std::string& stage() const { return stage_; }

 private:
  bool concerns_template(const nlohmann::json& event);
  bool concerns_instance(const nlohmann::json& event);

  watched what_;
  std::string stage_;
};

}  // namespace platen::cli
