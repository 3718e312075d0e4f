#include "http/routes/bulk_command.hpp"
#include "http/routes/earlier_run.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/routes/output.hpp"
#include "http/routes/patch.hpp"

namespace platen::http {
namespace {

answer_or_error<reply> delete_templates(api& with, const api_request& request) {
  const auto targets = plain_targets(with, request);
  if (!targets) return tl::unexpected(targets.error());
  const auto all = command_all<template_kind>(
      with, *targets,
      [&](const std::string& uuid, const no_options&, auto done) {
        with.on.control.delete_template(uuid, request.why, std::move(done));
      },
      [&](const actors::reference& which) {
        return deleted_by_earlier_run<template_kind>(with, request, which);
      });
  if (!all) return tl::unexpected(all.error());
  item_list items("instances");
  for (const auto& one : *all) {
    if (one.after)
      items.succeeded(basics(*one.before));
    else
      add_refused(items, one);
  }
  return std::move(items).finish();
}

answer_or_error<reply> change_templates(api& with, const api_request& request) {
  return patch_all<template_kind, actors::vm_template::change>(
      with, request, [&](const std::string& uuid, const auto& what, auto done) {
        with.on.control.change_template(uuid, what, request.why, std::move(done));
      });
}

}  // namespace

void add_template_routes(route_table& on, apis& with) {
  const std::string all = "/v1/instances/templates";
  const std::string one = all + "/{uuid}";
  route(on, with, method::get, all + "/log", read_output<template_kind>);
  route(on, with, method::get, one + "/log", read_output<template_kind>);
  route(on, with, method::get, all, look_up<template_kind>);
  route(on, with, method::get, one, look_up<template_kind>);
  route(on, with, method::post, all, convert_instances);
  route(on, with, method::patch, all, change_templates);
  route(on, with, method::patch, one, change_templates);
  route(on, with, method::del, all, delete_templates);
  route(on, with, method::del, one, delete_templates);
}

}  // namespace platen::http
