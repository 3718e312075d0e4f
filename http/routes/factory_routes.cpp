// The factory: `[factory]` of the configuration as a template. See actors/factory.hpp.
#include "actors/factory.hpp"

#include "http/request/json_body.hpp"
#include "http/request/query_reader.hpp"
#include "http/request/targets.hpp"
#include "http/routes/commands.hpp"
#include "http/routes/rejections.hpp"
#include "http/routes/waiting.hpp"
#include "http/view/entity_view.hpp"

namespace platen::http {
namespace {

using actors::factory_state;
using actors::rejection;
using actors::template_ptr;

constexpr const char* list = "factories";

const std::string name(actors::factory_template_name);

template_ptr find_template(const api& with) {
  return with.on.control.find_template({"", name});
}

actors::factory_status status(const api& with, const template_ptr& there) {
  return actors::status_of(with.how.factory, there.get());
}

json_object shown(const api& with, const template_ptr& there) {
  const auto& how = with.how.factory;
  const auto now = status(with, there);
  json_object into{{"name", name},
                   {"state", now.is == factory_state::on ? "on" : "off"},
                   {"reason", to_string(now.is)}};
  if (!now.why.empty()) into["why"] = now.why;
  into["enable_template"] = how.enabled;
  if (how.enabled) {
    into["image"] = how.image;
    into["memory_mb"] = how.memory_mb;
    into["vcpus"] = how.vcpus;
  }
  if (!with.how.template_path.empty()) into["template_path"] = with.how.template_path;
  if (there == nullptr) return into;
  into["template"] = {{"uuid", there->id}, {"name", there->name}};
  into["clone_count"] = there->clones_made;
  if (there->last_failure) into["failure"] = failure_json(*there->last_failure);
  return into;
}

// ---- init --------------------------------------------------------------------------------------

wait_time read_wait(const api_request& request, first_problem& problem) {
  query_reader(request.http.target, problem).refuse_others();
  if (is_blank(request.http.body)) return {std::nullopt};
  const auto body = parse_json(request.http.body, "the request body");
  if (!body) {
    problem.report(body.error().message);
    return {};
  }
  object_reader reader(*body, "", problem);
  const auto seconds = reader.integer("timeout_s", -1, wait_seconds_limit).value_or(-1);
  reader.refuse_others();
  if (seconds < 0) return {std::nullopt};
  return {std::chrono::seconds(seconds)};
}

// One that was made with another configuration makes room. Whoever else does so at the same time
// names the same uuid, so what is made afterwards is safe.
std::optional<rejection> remove_if_stale(api& with, const events::cause& why) {
  const auto there = find_template(with);
  if (status(with, there).is != factory_state::stale) return std::nullopt;
  pending_answer<template_ptr> pending;
  with.on.control.delete_template(there->id, why, pending.callback());
  const auto gone = pending.wait();
  if (gone || gone.error().what == rejection::kind::not_found) return std::nullopt;
  return gone.error();
}

void add_end_of_init(api& with, item_list& into, const template_ptr& latest, const wait_end& end) {
  json_object fields{{"name", name}};
  if (latest == nullptr || actors::vm_template::gone(*latest))
    return into.failed(std::move(fields), "the factory's template was destroyed meanwhile",
                       item_code::not_found);
  fields["lifecycle"] = shown_lifecycle(*latest);
  if (!actors::vm_template::settled(*latest)) {
    if (interrupted(with, end)) into.interrupted();
    return into.timed_out(std::move(fields));
  }
  const auto now = status(with, latest);
  if (now.is == factory_state::on) return into.succeeded(shown(with, latest));
  if (latest->last_failure) fields["failure"] = failure_json(*latest->last_failure);
  into.failed(std::move(fields), "the factory's template was not prepared: " + now.why,
              item_code::failed_operation);
}

answer_or_error<reply> init(api& with, const api_request& request) {
  first_problem problem;
  const auto wait = read_wait(request, problem);
  if (problem.found()) return tl::unexpected(*problem.error());
  item_list items(list);
  if (!with.how.factory.enabled) {
    items.failed({{"name", name}}, status(with, nullptr).why, item_code::wrong_state);
    return std::move(items).finish();
  }
  std::optional<waiting_place> place;
  if (wait.waits()) {
    auto taken = take_waiting_place(with);
    if (!taken) return tl::unexpected(taken.error());
    place.emplace(*std::move(taken));
  }
  const auto end = end_of(wait, place);
  pending_answer<template_ptr> pending;
  if (const auto refused = remove_if_stale(with, request.why))
    pending.callback()(tl::unexpected(*refused));
  else
    with.on.control.ensure_template(actors::factory_wish(with.how.factory), request.why,
                                    pending.callback());
  const auto begun = pending.wait();
  if (!begun && concerns_whole_request(begun.error().what))
    return tl::unexpected(whole_request(begun.error()));
  if (!begun) {
    add_refused(items, {{"name", name}}, begun.error());
  } else if (!wait.waits()) {
    items.succeeded(shown(with, *begun));
  } else {
    add_end_of_init(with, items,
                    with.on.control.wait_template((*begun)->id, actors::vm_template::settled,
                                                  end.deadline, end.left),
                    end);
  }
  return std::move(items).finish();
}

// ---- status, destroy ---------------------------------------------------------------------------

std::optional<request_error> fault_of_plain(const api_request& request) {
  first_problem problem;
  query_reader(request.http.target, problem).refuse_others();
  if (!is_blank(request.http.body)) problem.report("this request takes no body");
  return problem.error();
}

answer_or_error<reply> show(api& with, const api_request& request) {
  if (const auto fault = fault_of_plain(request)) return tl::unexpected(*fault);
  item_list items(list);
  items.succeeded(shown(with, find_template(with)));
  return std::move(items).finish();
}

// Also where it is not enabled any more: what an earlier configuration made has to go somehow.
answer_or_error<reply> destroy(api& with, const api_request& request) {
  if (const auto fault = fault_of_plain(request)) return tl::unexpected(*fault);
  item_list items(list);
  const auto there = find_template(with);
  if (there == nullptr) {
    auto fields = shown(with, nullptr);
    fields["destroyed"] = false;
    items.succeeded(std::move(fields));
    return std::move(items).finish();
  }
  pending_answer<template_ptr> pending;
  with.on.control.delete_template(there->id, request.why, pending.callback());
  const auto gone = pending.wait();
  if (!gone && concerns_whole_request(gone.error().what))
    return tl::unexpected(whole_request(gone.error()));
  if (!gone && gone.error().what != rejection::kind::not_found) {
    add_refused(items, {{"name", name}, {"uuid", there->id}}, gone.error());
  } else {
    auto fields = shown(with, find_template(with));
    fields["destroyed"] = gone.has_value();
    fields["held_by"] = gone && (*gone)->ready ? (*gone)->holders.size() : 0;
    items.succeeded(std::move(fields));
  }
  return std::move(items).finish();
}

}  // namespace

void add_factory_routes(route_table& on, apis& with) {
  route(on, with, method::get, "/v1/factory", show, audience::operators);
  route(on, with, method::post, "/v1/factory", init, audience::operators);
  route(on, with, method::del, "/v1/factory", destroy, audience::operators);
}

}  // namespace platen::http
