// The API over a control plane with simulated VMs: what scopes may see of one another is decided by
// both together.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "actors/certificates.hpp"
#include "actors/control_plane.hpp"
#include "http/gateway/certificate_store.hpp"
#include "http/server.hpp"
#include "hypervisor/sim/sim_driver.hpp"
#include "store/memory_log.hpp"
#include "tests/http/fake_stores.hpp"
#include "tests/http/fixture.hpp"
#include "tests/tools/temporary_directory.hpp"

namespace platen::testing {

// Tokens of the operator's own scope and of two more.
inline const std::string operators = "token-of-the-operator";
inline const std::string red = "token-of-red";
inline const std::string blue = "token-of-blue";

// A scope's first item of an answer, for whichever list it has.
const json& first_item(const answer& of);

class scopes_world {
 public:
  scopes_world();
  ~scopes_world();
  scopes_world(const scopes_world&) = delete;
  scopes_world& operator=(const scopes_world&) = delete;

  // Ends the daemon and starts the next one over the same log and VMs.
  void restart();
  void restart_with(std::vector<http::access_token> tokens);

  // Each answer is held against openapi.json.
  answer call(const std::string& token, const std::string& method, const std::string& target,
              const json& body = nullptr, const std::string& key = "") const;
  answer get(const std::string& token, const std::string& target) const {
    return call(token, "GET", target);
  }
  answer post(const std::string& token, const std::string& target, const json& body) const {
    return call(token, "POST", target, body);
  }
  // POST /v1/instances that must succeed; its item.
  json create(const std::string& token, const json& body) const;
  json make_service(const std::string& token, const json& body) const;
  // A certificate for the domain, from a CA of the test's own.
  json make_certificate(const std::string& token, const std::string& name,
                        const std::string& domain) const;

  std::vector<std::string> names(const std::string& token, const std::string& target,
                                 const std::string& list) const;
  std::size_t count_events(const std::string& type) const;

  platen::tests::temporary_directory directory;
  store::memory_log log;
  std::shared_ptr<hypervisor::sim_world> vms = std::make_shared<hypervisor::sim_world>();
  fake_images images;
  fake_roms roms;
  actors::options how;  // of the next daemon's control plane

  std::unique_ptr<hypervisor::driver> driver;
  std::unique_ptr<actors::control_plane> control;
  std::unique_ptr<actors::certificate_book> book;
  std::unique_ptr<gateway::certificate_store> certificates;
  std::unique_ptr<http::server> server;

 private:
  void start();
  void stop();

  std::vector<http::access_token> tokens_;
};

// A create of an instance of the template, which is prepared on demand.
json from_template(const std::string& name, const std::string& of);

inline const json https_service{{"port", 443}, {"destination_port", 8080}};

}  // namespace platen::testing
