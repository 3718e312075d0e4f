// Autoscale of service groups, and its policies.
#include <algorithm>

#include "http/create/autoscale_reader.hpp"
#include "http/create/rom_storage.hpp"
#include "http/request/exchange.hpp"
#include "http/request/json_body.hpp"
#include "http/routes/bulk_command.hpp"
#include "http/routes/lookup.hpp"

namespace platen::http {
namespace {

using actors::group_ptr;
using actors::rejection;
using actors::service_group::autoscale;

// ---- configuring -------------------------------------------------------------------------------

// The template exists, or is begun to be made, before the group depends on it.
tl::expected<autoscale, rejection> settle(api& with, autoscale_request wanted,
                                          const events::cause& why) {
  auto& made_of = wanted.made_of;
  if (auto stored = store_all_roms(with.on.images, with.on.roms, made_of); !stored)
    return tl::unexpected(rejection{rejection::kind::invalid, stored.error()});
  pending_answer<actors::template_ptr> pending;
  with.on.control.ensure_template(*made_of.wish.from, why, pending.callback());
  const auto found = pending.wait();
  if (!found) return tl::unexpected(found.error());
  auto how = std::move(wanted.how);
  how.template_id = (*found)->id;
  how.template_name = (*found)->name;
  how.roms = std::move(made_of.wish.spec.roms);
  return how;
}

json_object shown(const actors::service_group::state& group) {
  auto fields = basics(group);
  fields.update(autoscale_json(group));
  return fields;
}

template <class Options, class Send>
answer_or_error<reply> tell_all(api& with, const std::vector<target<Options>>& targets, Send send) {
  const auto all = command_all<service_kind>(with, targets, send);
  if (!all) return tl::unexpected(all.error());
  item_list items("service_groups");
  for (const auto& one : *all) {
    if (one.after)
      items.succeeded(shown(**one.after));
    else
      add_refused(items, one);
  }
  return std::move(items).finish();
}

answer_or_error<reply> configure(api& with, const api_request& request) {
  const auto targets = target_list<autoscale_request>::read(
      source_of(with, request), [](query_reader&, autoscale_request&) {}, read_autoscale);
  if (!targets) return tl::unexpected(targets.error());
  if (is_blank(request.http.body))
    return tl::unexpected(request_error{400, "the request body must describe autoscale", {}});
  return tell_all(
      with, *targets, [&](const std::string& uuid, const autoscale_request& wanted, auto done) {
        auto how = settle(with, wanted, request.why);
        if (!how) return done(tl::unexpected(how.error()));
        with.on.control.configure_autoscale(uuid, *std::move(how), request.why, std::move(done));
      });
}

answer_or_error<reply> show_autoscale(api& with, const api_request& request) {
  const auto targets = plain_targets(with, request);
  if (!targets) return tl::unexpected(targets.error());
  if (targets->empty()) return tl::unexpected(no_target(service_kind::noun));
  item_list items("service_groups");
  add_found<service_kind>(items, with.on.control, *targets, shown);
  return std::move(items).finish();
}

answer_or_error<reply> remove(api& with, const api_request& request) {
  const auto targets = plain_targets(with, request);
  if (!targets) return tl::unexpected(targets.error());
  return tell_all(with, *targets, [&](const std::string& uuid, const no_options&, auto done) {
    with.on.control.configure_autoscale(uuid, std::nullopt, request.why, std::move(done));
  });
}

// ---- policies ----------------------------------------------------------------------------------

answer_or_error<group_ptr> configured_group(api& with, const api_request& request) {
  const actors::reference which{to_lower(request.path_argument), ""};
  if (!is_uuid(which.uuid))
    return tl::unexpected(request_error{400, "Invalid uuid '" + request.path_argument + "'", {}});
  const auto found = with.on.control.find_group(which);
  if (!found) return tl::unexpected(request_error{404, missing(service_kind::noun, which), {}});
  if (!found->scaling)
    return tl::unexpected(
        request_error{400, "autoscale is not configured for this service group", {}});
  return found;
}

// What the path says behind the group; empty: nothing.
std::string policy_name() {
  const auto& arguments = exchange::of_this_thread().destination().arguments;
  return arguments.size() > 1 ? arguments[1] : std::string();
}

auto find_policy(autoscale& in, const std::string& name) {
  return std::find_if(in.policies.begin(), in.policies.end(),
                      [&](const auto& one) { return one.name == name; });
}

answer_or_error<reply> change_policies(api& with, const api_request& request,
                                       const group_ptr& group, autoscale next) {
  const std::vector<target<no_options>> targets{{{group->id, ""}, {}}};
  return tell_all(with, targets, [&](const std::string& uuid, const no_options&, auto done) {
    with.on.control.configure_autoscale(uuid, std::move(next), request.why, std::move(done));
  });
}

// A policy of the same name is replaced.
answer_or_error<reply> set_policy(api& with, const api_request& request) {
  const auto group = configured_group(with, request);
  if (!group) return tl::unexpected(group.error());
  const auto body = parse_json(request.http.body, "the request body");
  if (!body) return tl::unexpected(body.error());
  first_problem problem;
  auto policy = read_policy(*body, "", problem);
  if (problem.found()) return tl::unexpected(*problem.error());
  auto next = *(*group)->scaling;
  if (const auto known = find_policy(next, policy.name); known != next.policies.end())
    *known = std::move(policy);
  else
    next.policies.push_back(std::move(policy));
  return change_policies(with, request, *group, std::move(next));
}

answer_or_error<reply> remove_policy(api& with, const api_request& request) {
  const auto group = configured_group(with, request);
  if (!group) return tl::unexpected(group.error());
  auto next = *(*group)->scaling;
  const auto known = find_policy(next, policy_name());
  if (known == next.policies.end())
    return tl::unexpected(request_error{404, "No policy with name '" + policy_name() + "'", {}});
  next.policies.erase(known);
  return change_policies(with, request, *group, std::move(next));
}

answer_or_error<reply> show_policies(api& with, const api_request& request) {
  const auto group = configured_group(with, request);
  if (!group) return tl::unexpected(group.error());
  const auto name = policy_name();
  item_list items("policies");
  for (const auto& policy : (*group)->scaling->policies)
    if (name.empty() || policy.name == name) items.succeeded({{"policy", policy_json(policy)}});
  if (!name.empty() && items.size() == 0)
    return tl::unexpected(request_error{404, "No policy with name '" + name + "'", {}});
  return std::move(items).finish();
}

}  // namespace

void add_autoscale_routes(route_table& on, apis& with) {
  const std::string all = "/v1/services/autoscale";
  const std::string one = "/v1/services/{uuid}/autoscale";
  for (const auto& path : {all, one}) {
    route(on, with, method::post, path, configure);
    route(on, with, method::get, path, show_autoscale);
    route(on, with, method::del, path, remove);
  }
  route(on, with, method::post, one + "/policies", set_policy);
  route(on, with, method::get, one + "/policies", show_policies);
  route(on, with, method::get, one + "/policies/{name}", show_policies);
  route(on, with, method::del, one + "/policies/{name}", remove_policy);
}

}  // namespace platen::http
