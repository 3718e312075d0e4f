#include "world.hpp"

#include <httplib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>

#include "actors/wall_clock.hpp"
#include "events/event.hpp"
#include "http/gateway/x509.hpp"
#include "tests/http/conformance.hpp"

namespace platen::testing {

const json& first_item(const answer& of) {
  return of.body.at("data").begin()->at(0);
}

scopes_world::scopes_world()
    : tokens_{{operators, ""}, {red, "red"}, {blue, "blue"}, {"second-" + red, "red"}} {
  vms->timing = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  start();
}

scopes_world::~scopes_world() {
  stop();
}

void scopes_world::restart() {
  stop();
  start();
}

void scopes_world::restart_with(std::vector<http::access_token> tokens) {
  tokens_ = std::move(tokens);
  restart();
}

void scopes_world::start() {
  driver = hypervisor::make_sim_driver(vms, hypervisor::real_time_scheduler());
  how.on_fatal = [](const std::string& what) { FAIL(what); };
  control = *actors::control_plane::start(how, log, *driver);
  book = *actors::certificate_book::open(log, actors::wall_clock_us);
  certificates = *gateway::certificate_store::open(directory.path(), *book, actors::wall_clock_us);
  http::options options;
  options.tokens = tokens_;
  options.spool_directory = directory.path() / "tmp";
  options.version = "1";
  options.hypervisor = "sim";
  options.accelerator = "none";
  options.max_instances = 100;
  options.max_service_groups = 100;
  options.factory = how.factory;
  auto started =
      http::server::start(options, {*control, log, images, roms, certificates.get(), nullptr});
  REQUIRE(started);
  server = *std::move(started);
}

void scopes_world::stop() {
  server.reset();
  certificates.reset();
  book.reset();
  control.reset();
  driver.reset();
}

answer scopes_world::call(const std::string& token, const std::string& method,
                          const std::string& target, const json& body,
                          const std::string& key) const {
  httplib::Client client("127.0.0.1", server->port());
  client.set_read_timeout(60);
  httplib::Request request;
  request.method = method;
  request.path = target;
  request.headers = {{"Authorization", "Bearer " + token}};
  if (!key.empty()) request.headers.emplace("Idempotency-Key", key);
  if (!body.is_null()) request.body = body.dump();
  auto result = client.send(request);
  REQUIRE(result);
  answer made;
  made.status = result->status;
  made.text = result->body;
  made.body = json::parse(made.text, nullptr, false);
  if (made.body.is_discarded()) made.body = nullptr;
  for (const auto& [given, value] : result->headers) {
    auto name = given;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    made.headers.emplace(std::move(name), value);
  }
  const auto problem = conformance::of_the_api().problem_with(method, target, request.body, made);
  if (problem) FAIL(*problem);
  return made;
}

json scopes_world::create(const std::string& token, const json& body) const {
  const auto made = post(token, "/v1/instances", body);
  INFO(made.text);
  REQUIRE(made.body.at("status") == "success");
  return made.item();
}

json scopes_world::make_service(const std::string& token, const json& body) const {
  const auto made = post(token, "/v1/services", body);
  INFO(made.text);
  REQUIRE(made.body.at("status") == "success");
  return made.item(0, "service_groups");
}

json scopes_world::make_certificate(const std::string& token, const std::string& name,
                                    const std::string& domain) const {
  const auto issuer = gateway::make_ca("Somebody", 100);
  const auto pair = gateway::make_leaf(domain, 50, issuer);
  REQUIRE(pair);
  const auto made = post(token, "/v1/certificates",
                         {{"name", name}, {"chain", pair->certificate}, {"pkey", pair->key}});
  INFO(made.text);
  REQUIRE(made.body.at("status") == "success");
  return made.item(0, "certificates");
}

std::vector<std::string> scopes_world::names(const std::string& token, const std::string& target,
                                             const std::string& list) const {
  std::vector<std::string> all;
  const auto listed = get(token, target);
  for (const auto& item : listed.body.at("data").at(list))
    all.push_back(item.at("name"));
  return all;
}

std::size_t scopes_world::count_events(const std::string& type) const {
  std::size_t count = 0;
  REQUIRE(log.read_all(0, [&](const events::envelope& event) {
    if (events::type_name(event.what) == type) ++count;
    return true;
  }));
  return count;
}

json from_template(const std::string& name, const std::string& of) {
  return {{"name", name},
          {"autostart", true},
          {"timeout_s", 30},
          {"template", {{"name", of}, {"prepare", true}, {"create_args", {{"image", "demo:v1"}}}}}};
}

}  // namespace platen::testing
