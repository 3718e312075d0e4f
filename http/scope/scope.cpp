#include "http/scope/scope.hpp"

#include "actors/scoped_name.hpp"

namespace platen::http {

using actors::scope_alone;
using actors::scoped_name;

bool scope::has(std::string_view full_name) const {
  return actors::scope_of(full_name) == name_;
}

// ---- in ----------------------------------------------------------------------------------------

std::string scope::full(const std::string& bare) const {
  return scoped_name(name_, bare);
}

actors::reference scope::full(actors::reference which) const {
  which.name = full(which.name);
  return which;
}

actors::template_wish scope::full(actors::template_wish wish) const {
  wish.which = full(std::move(wish.which));
  if (wish.parent) wish.parent = std::make_shared<actors::template_wish>(full(*wish.parent));
  return wish;
}

actors::group_wish scope::full(actors::group_wish wish) const {
  wish.name = full(wish.name);
  return wish;
}

actors::create_instance scope::full(actors::create_instance wish) const {
  wish.name = full(wish.name);
  if (wish.from) wish.from = full(*std::move(wish.from));
  if (wish.group) {
    wish.group->which = full(std::move(wish.group->which));
    if (wish.group->made) wish.group->made = full(*std::move(wish.group->made));
  }
  return wish;
}

actors::service_group::autoscale scope::full(actors::service_group::autoscale how) const {
  how.template_name = full(how.template_name);
  return how;
}

// ---- out ---------------------------------------------------------------------------------------

std::string scope::bare(const std::string& full_name) const {
  return has(full_name) ? std::string(actors::bare_name(full_name)) : full_name;
}

std::string scope::words(std::string sentence) const {
  if (is_operators()) return sentence;
  const auto before_name = "'" + full("");
  for (auto at = sentence.find(before_name); at != std::string::npos;
       at = sentence.find(before_name, at + 1))
    sentence.erase(at + 1, before_name.size() - 1);
  return sentence;
}

actors::rejection scope::shown(actors::rejection why) const {
  return {why.what, words(std::move(why.message))};
}

namespace {

// The operator's states are shown as they are, without a copy.
template <class State, class Change>
std::shared_ptr<const State> changed(const scope& of, std::shared_ptr<const State> one,
                                     Change change) {
  if (of.is_operators() || one == nullptr) return one;
  auto made = std::make_shared<State>(*one);
  made->name = of.bare(made->name);
  change(*made);
  return made;
}

}  // namespace

actors::instance_ptr scope::shown(actors::instance_ptr one) const {
  return changed(*this, std::move(one), [&](actors::instance::state& made) {
    made.template_name = bare(made.template_name);
    if (made.last_failure) made.last_failure->reason = words(made.last_failure->reason);
    if (made.last_setback) made.last_setback->reason = words(made.last_setback->reason);
  });
}

actors::template_ptr scope::shown(actors::template_ptr one) const {
  return changed(*this, std::move(one), [&](actors::vm_template::state& made) {
    made.parent_name = bare(made.parent_name);
    if (made.last_failure) made.last_failure->reason = words(made.last_failure->reason);
  });
}

actors::group_ptr scope::shown(actors::group_ptr one) const {
  return changed(*this, std::move(one), [&](actors::service_group::state& made) {
    if (made.scaling) made.scaling->template_name = bare(made.scaling->template_name);
  });
}

actors::certificate_ptr scope::shown(actors::certificate_ptr one) const {
  return changed(*this, std::move(one),
                 [](actors::certificate& made) { made.facts.name = made.name; });
}

actors::created scope::shown(actors::created made) const {
  made.instance = shown(std::move(made.instance));
  // One of many clients of a template that has as many holders: who created needs to know which
  // template it was, and not all that is in its state.
  if (made.of && !is_operators()) {
    auto which = std::make_shared<actors::vm_template::state>();
    which->id = made.of->id;
    which->name = bare(made.of->name);
    which->phase = made.of->phase;
    made.of = std::move(which);
  }
  made.note = words(std::move(made.note));
  return made;
}

}  // namespace platen::http
