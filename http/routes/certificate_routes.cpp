#include "http/gateway/certificate_store.hpp"
#include "http/request/identifiers.hpp"
#include "http/request/json_body.hpp"
#include "http/routes/lookup.hpp"
#include "http/routes/rejections.hpp"

namespace platen::http {
namespace {

using actors::certificate;
using actors::certificate_ptr;

tl::unexpected<request_error> no_gateway() {
  return tl::unexpected(request_error{501, "this daemon has no gateway", {}});
}

json_object basics(const certificate& one) {
  return {{"uuid", one.id}, {"name", one.name}};
}

json_object show(const api& with, const certificate& one) {
  auto into = basics(one);
  const auto& facts = one.facts;
  into["created_at"] = to_seconds_text(one.created_us);
  into["common_name"] = facts.subject;
  into["subject"] = facts.subject;
  into["issuer"] = facts.issuer;
  into["serial_number"] = facts.serial;
  into["not_before"] = to_seconds_text(facts.not_before_us);
  into["not_after"] = to_seconds_text(facts.not_after_us);
  into["state"] = "valid";
  into["names"] = facts.domains;
  into["domains"] = json_object::array();
  into["service_groups"] = json_object::array();
  for (const auto& group : with.on.control.groups()) {
    bool attached = false;
    for (const auto& domain : group->how.domains) {
      const bool chosen = domain.certificate == one.id;
      const bool fits =
          domain.certificate.empty() && gateway::certificate_store::covers(one, domain.name);
      if (chosen || fits) into["domains"].push_back(domain.name);
      attached = attached || chosen || fits;
    }
    if (attached) into["service_groups"].push_back({{"uuid", group->id}, {"name", group->name}});
  }
  return into;
}

constexpr std::size_t pem_bytes_limit = 256 * 1024;

struct certificate_request {
  gateway::certificate_store::upload what;
  std::string common_name;  // empty: not given
};

answer_or_error<certificate_request> read_body(const std::string& body) {
  const auto value = parse_json(body, "the request body");
  if (!value) return tl::unexpected(value.error());
  first_problem problem;
  object_reader reader(*value, "", problem);
  certificate_request made;
  made.what.name = reader.text("name", name_limit).value_or("");
  if (reader.has("name") && !is_name(made.what.name))
    reader.report("name", "must be " + std::string(name_rule));
  made.common_name = to_lower(reader.text("cn", 253).value_or(""));
  made.what.chain = reader.text("chain", pem_bytes_limit).value_or("");
  made.what.key = reader.text("pkey", pem_bytes_limit).value_or("");
  for (const auto* member : {"chain", "pkey"})
    if (!reader.has(member)) reader.report(member, "is required: PEM text");
  reader.refuse_others();
  if (problem.found()) return tl::unexpected(*problem.error());
  return made;
}

// The name that a client says the certificate is for must be one of its names.
bool is_for(const certificate_request& wanted) {
  if (wanted.common_name.empty()) return true;
  const auto facts = gateway::facts_of(wanted.what.chain);
  if (!facts) return true;
  const certificate shape{{}, 0, "", ""};
  auto named = shape;
  named.facts.domains = facts->domains;
  return to_lower(facts->subject) == wanted.common_name ||
         gateway::certificate_store::covers(named, wanted.common_name);
}

answer_or_error<reply> create_certificate(api& with, const api_request& request) {
  if (!with.certificates) return no_gateway();
  auto wanted = read_body(request.http.body);
  if (!wanted) return tl::unexpected(wanted.error());
  item_list items("certificates");
  const auto name = wanted->what.name;
  const auto fields = name.empty() ? json_object::object() : json_object{{"name", name}};
  if (!is_for(*wanted)) {
    items.failed(fields, "the certificate is not for '" + wanted->common_name + "'",
                 item_code::certificate_mismatch);
    return std::move(items).finish();
  }
  wanted->what.id = request.key ? request.key->identity.uuid_of_item(0) : random_uuid();
  // An earlier run of the request may have added it.
  if (const auto known = with.certificates->find({wanted->what.id, ""})) {
    items.succeeded(show(with, *known));
    return std::move(items).finish();
  }
  const auto added = with.certificates->add(std::move(wanted->what), request.why);
  if (!added && concerns_whole_request(added.error().what))
    return tl::unexpected(whole_request(added.error()));
  if (added)
    items.succeeded(show(with, **added));
  else
    add_refused(items, fields, added.error());
  return std::move(items).finish();
}

answer_or_error<reply> get_certificates(api& with, const api_request& request) {
  if (!with.certificates) return no_gateway();
  page wanted;
  const auto targets = target_list<no_options>::read(
      source_of(with, request),
      [&](query_reader& query, no_options&) { wanted = read_page(query); },
      [](object_reader&, no_options&) {});
  if (!targets) return tl::unexpected(targets.error());
  if (const auto fault = page_fault(wanted, !targets->empty(), false, "certificate"))
    return tl::unexpected(*fault);
  const auto shown = [&](const certificate& one) {
    return wanted.details ? show(with, one) : basics(one);
  };
  item_list items("certificates");
  if (targets->empty())
    for (const auto& one : page_of(with.certificates->all(), wanted))
      items.succeeded(shown(*one));
  for (const auto& [which, ignored] : *targets) {
    if (const auto found = with.certificates->find(which))
      items.succeeded(shown(*found));
    else
      items.failed(to_json(which), missing("certificate", which), item_code::not_found);
  }
  return std::move(items).finish();
}

// True if a domain was given this very certificate.
bool is_chosen(const api& with, const std::string& id) {
  for (const auto& group : with.on.control.groups())
    for (const auto& domain : group->how.domains)
      if (domain.certificate == id) return true;
  return false;
}

answer_or_error<reply> delete_certificates(api& with, const api_request& request) {
  if (!with.certificates) return no_gateway();
  const auto targets = plain_targets(with, request);
  if (!targets) return tl::unexpected(targets.error());
  if (targets->empty()) return tl::unexpected(no_target("certificate"));
  item_list items("certificates");
  for (const auto& [which, ignored] : *targets) {
    const auto found = with.certificates->find(which);
    if (!found) {
      items.failed(to_json(which), missing("certificate", which), item_code::not_found);
    } else if (is_chosen(with, found->id)) {
      items.failed(basics(*found), "a service group's domain has this certificate: change it first",
                   item_code::attached);
    } else if (const auto removed = with.certificates->remove(found->id, request.why)) {
      items.succeeded(basics(*found));
    } else {
      add_refused(items, basics(*found), removed.error());
    }
  }
  return std::move(items).finish();
}

answer_or_error<reply> get_local_ca(api& with, const api_request&) {
  if (!with.certificates) return no_gateway();
  const auto pem = with.certificates->ca().certificate();
  if (!pem) return tl::unexpected(request_error{500, pem.error(), {}});
  item_list items("certificates");
  items.succeeded({{"name", "local-ca"}, {"chain", *pem}});
  return std::move(items).finish();
}

}  // namespace

void add_certificate_routes(route_table& on, apis& with) {
  const std::string all = "/v1/certificates";
  const std::string one = all + "/{uuid}";
  route(on, with, method::get, all + "/local-ca", get_local_ca);
  route(on, with, method::post, all, create_certificate);
  route(on, with, method::get, all, get_certificates);
  route(on, with, method::get, one, get_certificates);
  route(on, with, method::del, all, delete_certificates);
  route(on, with, method::del, one, delete_certificates);
}

}  // namespace platen::http
