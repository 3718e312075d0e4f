#include <map>

#include "http/create/service_reader.hpp"
#include "http/request/json_body.hpp"
#include "http/routes/bulk_command.hpp"
#include "http/routes/earlier_run.hpp"
#include "http/routes/group_certificates.hpp"
#include "http/routes/lookup.hpp"

namespace platen::http {
namespace {

using actors::group_ptr;
using actors::service_group::edit;
using group_answer = actors::answer<group_ptr>;

// ---- creating ----------------------------------------------------------------------------------

answer_or_error<std::vector<group_request>> read_body(const api& with, const std::string& body) {
  if (is_blank(body))
    return tl::unexpected(request_error{400, "the request body must describe a service group", {}});
  const auto value = parse_json(body, "the request body");
  if (!value) return tl::unexpected(value.error());
  return read_group_requests(*value, with.how.bounds.bulk_items);
}

json_object named(const std::string& name) {
  return name.empty() ? json_object::object() : json_object{{"name", name}};
}

answer_or_error<reply> create_services(api& with, const api_request& request) {
  auto wanted = read_body(with, request.http.body);
  if (!wanted) return tl::unexpected(wanted.error());
  std::vector<pending_answer<group_ptr>> pending(wanted->size());
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    auto& [wish, certificates] = (*wanted)[i];
    if (request.key) wish.uuid = request.key->identity.uuid_of_item(i);
    const auto done = pending[i].callback();
    if (auto fault = choose_certificates(with, certificates, wish.how.domains))
      done(tl::unexpected(*std::move(fault)));
    else
      with.on.control.create_group(wish, request.why, done);
  }
  std::vector<group_answer> answers;
  for (const auto& one : pending)
    answers.push_back(one.wait());
  if (const auto refused = refused_as_a_whole(answers)) return tl::unexpected(*refused);
  item_list items("service_groups");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto& name = (*wanted)[i].wish.name;
    if (!answers[i])
      add_refused(items, named(name), answers[i].error());
    else
      items.succeeded(service_kind::show(with.on.control, **answers[i]));
  }
  return std::move(items).finish();
}

// ---- changing ----------------------------------------------------------------------------------

struct patch {
  edit what;
  std::string id;
  std::vector<certificate_choice> certificates;
};

const nlohmann::json& listed(const nlohmann::json& value, nlohmann::json& holder) {
  if (value.is_array()) return value;
  holder = nlohmann::json::array({value});
  return holder;
}

void read_deleted(object_reader& item, edit& into) {
  const auto* value = item.any("value");
  if (value == nullptr) return;
  nlohmann::json holder;
  for (const auto& one : listed(*value, holder)) {
    const auto& key = one.is_object() && one.contains("port")   ? one.at("port")
                      : one.is_object() && one.contains("name") ? one.at("name")
                                                                : one;
    const bool of_services = into.what == edit::property::services;
    if (of_services && key.is_number_unsigned() && key.get<std::uint64_t>() <= 65535)
      into.ports.push_back(key.get<std::uint16_t>());
    else if (!of_services && key.is_string())
      into.names.push_back(key.get<std::string>());
    else
      item.report("value", of_services ? "must be ports of services to delete"
                                       : "must be names of domains to delete");
  }
}

void read_value(object_reader& item, patch& into) {
  using property = edit::property;
  auto& value = into.what.value;
  const auto limit = [&] {
    return static_cast<std::uint32_t>(
        item.integer("value", 1, actors::service_group::highest_limit).value_or(1));
  };
  if (!item.has("value")) return item.report("value", "is required");
  switch (into.what.what) {
    case property::services:
      value.services = read_services(item, "value");
      break;
    case property::domains:
      value.domains = read_domains(item, "value", into.certificates);
      break;
    case property::soft_limit:
      value.soft_limit = limit();
      break;
    case property::hard_limit:
      value.hard_limit = limit();
      break;
    case property::autokill:
      value.autokill_ms = read_group_autokill_ms(item, "value");
      break;
  }
}

void read_patch(object_reader& item, patch& into) {
  using property = edit::property;
  static const std::map<std::string, property> properties{{"services", property::services},
                                                          {"domains", property::domains},
                                                          {"soft_limit", property::soft_limit},
                                                          {"hard_limit", property::hard_limit},
                                                          {"autokill", property::autokill}};
  into.id = item.text("id", 256).value_or("");
  const auto named = properties.find(item.text("prop", 64).value_or(""));
  if (named == properties.end())
    return item.report("prop",
                       "must be one of services, domains, soft_limit, hard_limit, autokill");
  into.what.what = named->second;
  const auto how = item.text("op", 16).value_or("");
  const bool list = into.what.what == property::services || into.what.what == property::domains;
  if (how == "set" || (how == "add" && list)) {
    into.what.how = how == "set" ? edit::operation::set : edit::operation::add;
    read_value(item, into);
  } else if (how == "del") {
    into.what.how = edit::operation::del;
    if (list) read_deleted(item, into.what);
  } else {
    item.report("op", list ? "must be 'set', 'add' or 'del'" : "must be 'set' or 'del'");
  }
}

answer_or_error<reply> change_services(api& with, const api_request& request) {
  const auto targets = target_list<patch>::read(
      source_of(with, request), [](query_reader&, patch&) {}, read_patch);
  if (!targets) return tl::unexpected(targets.error());
  if (is_blank(request.http.body))
    return tl::unexpected(request_error{400, "the request body must describe a change", {}});
  const auto all = command_all<service_kind>(
      with, *targets, [&](const std::string& uuid, const patch& change, auto done) {
        auto what = change.what;
        auto fault = choose_certificates(with, change.certificates, what.value.domains);
        if (fault)
          done(tl::unexpected(*std::move(fault)));
        else
          with.on.control.change_group(uuid, std::move(what), request.why, std::move(done));
      });
  if (!all) return tl::unexpected(all.error());
  item_list items("service_groups");
  for (const auto& one : *all) {
    auto fields = one.before ? basics(*one.before) : to_json(one.of.which);
    if (!one.of.options.id.empty()) fields["id"] = one.of.options.id;
    if (one.after)
      items.succeeded(std::move(fields));
    else
      add_refused(items, std::move(fields), one.after.error());
  }
  return std::move(items).finish();
}

// ---- deleting ----------------------------------------------------------------------------------

answer_or_error<reply> delete_services(api& with, const api_request& request) {
  const auto targets = plain_targets(with, request);
  if (!targets) return tl::unexpected(targets.error());
  const auto all = command_all<service_kind>(
      with, *targets,
      [&](const std::string& uuid, const no_options&, auto done) {
        with.on.control.delete_group(uuid, request.why, std::move(done));
      },
      [&](const actors::reference& which) {
        return deleted_by_earlier_run<service_kind>(with, request, which);
      });
  if (!all) return tl::unexpected(all.error());
  item_list items("service_groups");
  for (const auto& one : *all) {
    if (one.after)
      items.succeeded(basics(*one.before));
    else
      add_refused(items, one);
  }
  return std::move(items).finish();
}

}  // namespace

void add_service_routes(route_table& on, apis& with) {
  const std::string all = "/v1/services";
  const std::string one = all + "/{uuid}";
  route(on, with, method::post, all, create_services);
  route(on, with, method::get, all, look_up<service_kind>);
  route(on, with, method::get, one, look_up<service_kind>);
  route(on, with, method::patch, all, change_services);
  route(on, with, method::patch, one, change_services);
  route(on, with, method::del, all, delete_services);
  route(on, with, method::del, one, delete_services);
}

}  // namespace platen::http
