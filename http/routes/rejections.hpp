// Refusals by the control plane, as items or as the answer to the whole request.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/request/envelope.hpp"
#include "http/request/errors.hpp"

namespace platen::http {

// The fault of the whole request if every command was refused for one that is about the daemon,
// and so nothing was done. `answers` are tl::expected<..., rejection>.
template <class Answers>
std::optional<request_error> refused_as_a_whole(const Answers& answers) {
  for (const auto& answer : answers)
    if (answer || !concerns_whole_request(answer.error().what)) return std::nullopt;
  if (answers.empty()) return std::nullopt;
  return whole_request(answers.front().error());
}

inline void add_refused(item_list& into, json_object fields, const actors::rejection& why) {
  into.failed(std::move(fields), why.message, code_of(why.what));
}

}  // namespace platen::http
