// What the gateway serves: who listens where, which group a name belongs to, where its instances
// are. A value; the gateway takes a whole new one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace platen::gateway {

class tls_identity;

// How a listener talks to its clients. Backends always get plain TCP or HTTP/1.1.
enum class protocol {
  tcp,   // passed through; the port belongs to one group
  tls,   // terminated, then passed through; groups are told apart by SNI
  http,  // groups are told apart by Host
  https  // terminated, then as http
};

struct backend {
  std::string instance_id;
  std::string address = "127.0.0.1";  // numeric
  std::uint16_t port = 0;
  bool draining = false;  // nothing new is sent to it
  // It gets so many requests or connections in all, and no more; 0: any number.
  std::uint64_t most_requests = 0;
  // What it had before the gateway first heard of it, which counts as well.
  std::uint64_t taken_before = 0;
  // `counted` of the hooks is called each time it has got so many more; 0: never.
  std::uint64_t count_step = 0;
};

// One service of one group.
struct route {
  std::string group_id;
  std::vector<std::string> domains;  // lower case, without a final dot; "*.example.com" matches one
                                     // label
  std::uint32_t soft_limit = 1;      // in flight at one instance: another one is preferred
  std::uint32_t hard_limit = 65535;  // in flight at one instance: none more are sent
  std::uint16_t redirect_to = 0;     // not 0: answers 308 to https on this public port
  // An instance is on its way, or can be made: who finds none running is held.
  bool may_come = false;
  std::vector<backend> backends;
};

struct listener {
  std::uint16_t public_port = 0;  // as clients are told
  std::uint16_t port = 0;         // where it listens
  protocol speaks = protocol::tcp;
  std::vector<route> routes;
};

struct certificate {
  std::vector<std::string> domains;  // as in a route
  std::shared_ptr<const tls_identity> identity;
};

struct table {
  std::vector<listener> listeners;
  std::vector<certificate> certificates;
};

}  // namespace platen::gateway
