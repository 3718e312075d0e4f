// One command for each target of a request: all are sent, then all are awaited, in order.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "http/request/targets.hpp"
#include "http/routes/api.hpp"
#include "http/routes/commands.hpp"
#include "http/routes/entity_kind.hpp"
#include "http/routes/rejections.hpp"

namespace platen::http {

template <class Kind, class Options>
struct commanded {
  target<Options> of;
  typename Kind::pointer before;  // null: there is none
  actors::answer<typename Kind::pointer> after;
};

// `send` is called with the uuid, the options and the callback of each target that exists. One that
// does not, but for which `already` has a state, was dealt with by an earlier run of the request.
// The error is one that concerns the whole request.
template <class Kind, class Options, class Send>
answer_or_error<std::vector<commanded<Kind, Options>>> command_all(
    api& with, const std::vector<target<Options>>& targets, Send send,
    const std::function<typename Kind::pointer(const actors::reference&)>& already = nullptr) {
  using pointer = typename Kind::pointer;
  if (targets.empty()) return tl::unexpected(no_target(Kind::noun));
  std::vector<pointer> before;
  std::vector<pending_answer<pointer>> pending(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto& [which, options] = targets[i];
    const auto done = pending[i].callback();
    before.push_back(Kind::find(with.on.control, which));
    if (before[i]) {
      send(before[i]->id, options, done);
    } else if (already && (before[i] = already(which))) {
      done(before[i]);
    } else {
      done(tl::unexpected(
          actors::rejection{actors::rejection::kind::not_found, missing(Kind::noun, which)}));
    }
  }
  std::vector<actors::answer<pointer>> answers;
  for (const auto& one : pending)
    answers.push_back(one.wait());
  if (const auto refused = refused_as_a_whole(answers)) return tl::unexpected(*refused);

  std::vector<commanded<Kind, Options>> all;
  for (std::size_t i = 0; i < targets.size(); ++i)
    all.push_back({targets[i], std::move(before[i]), std::move(answers[i])});
  return all;
}

// The item of a refused command names the target as far as it is known.
template <class Kind, class Options>
void add_refused(item_list& into, const commanded<Kind, Options>& one) {
  add_refused(into, one.before ? basics(*one.before) : to_json(one.of.which), one.after.error());
}

}  // namespace platen::http
