// Platen's HTTP interface: the platform API of instances and templates, images and the event log.
//
// Handlers translate and wait; what happens is decided by the control plane. This header names
// neither the HTTP library nor JSON.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "actors/control_plane.hpp"
#include "hypervisor/hypervisor.hpp"
#include "hypervisor/images/image_store.hpp"
#include "hypervisor/images/rom_store.hpp"
#include "store/event_log.hpp"

namespace platen::gateway {
class certificate_store;
class gateway;
}  // namespace platen::gateway

namespace platen::http {

// Everything a client can make grow, or keep busy, has a bound here. README.md has the whole table.
struct limits {
  // One thread serves one connection. Beyond it a connection is answered 503 and closed.
  std::size_t connections = 1024;
  // Requests that wait for a lifecycle at the same time. Beyond it a waiting request is answered
  // 503 with Retry-After; the difference to `connections` stays free for everything else. Values
  // above connections - 16 (small limits: half of them) are reduced to that.
  std::size_t waiting_requests = 896;
  std::size_t event_followers = 64;    // GET /v1/events?follow=true; beyond it: 429
  std::size_t audit_subscribers = 64;  // GET /v1/audit; beyond it: 429
  std::chrono::seconds heartbeat{30};  // of both, when there is nothing to tell
  std::size_t image_uploads = 2;       // at the same time; beyond it: 429

  std::uint64_t body_bytes = 8'000'000;           // JSON bodies; beyond it: 413
  std::uint64_t image_upload_bytes = 8ull << 30;  // spooled to disk; beyond it: 413
  std::size_t bulk_items = 256;                   // items of one array body

  std::chrono::seconds idle_connection{5};  // keep-alive: between two requests
  std::chrono::seconds request_head{10};    // from its first byte to its blank line
  std::chrono::seconds request_body{120};   // a JSON body, from first to last byte
  std::chrono::seconds upload_stall{60};    // an image upload that sends nothing
  std::chrono::seconds write_stall{30};     // a client that does not read its answer
};

struct access_token {
  std::string value;  // what clients send; not empty, without spaces
  // Whose it is: empty for the operator's own, else as actors::is_scope() says. What belongs to one
  // scope is not there for the others.
  std::string scope;
};

struct options {
  std::string host = "127.0.0.1";    // a numeric address or a name; the caller keeps it on loopback
                                     // unless the operator chose tokens himself
  std::uint16_t port = 0;            // 0: any free port, see server::port()
  std::vector<access_token> tokens;  // at least one, each once; a scope may have several
  std::filesystem::path spool_directory;  // image uploads in progress; made if missing
  std::string version;                    // of the program, for /v1/healthz
  std::string hypervisor;                 // driver::name()
  std::string accelerator;                // driver::accelerator()
  std::string base_domain = "localhost";  // of domains that are not complete
  std::size_t max_instances = 0;          // of the control plane, for /v1/users/quotas
  std::size_t max_service_groups = 0;     // the same
  actors::factory_settings factory;       // of the control plane, for /v1/factory
  std::string template_path;              // where memory and state of snapshots lie, for the same
  limits bounds;
  // For /v1/healthz `checks`: name -> "healthy", "degraded" or "unknown". Called on connection
  // threads; unset: log and hypervisor are "healthy" for as long as the server runs.
  std::function<std::map<std::string, std::string>()> health;
  // Of the event log on disk, for GET /v1/metrics. Called on connection threads; unset: not known.
  std::function<std::uint64_t()> log_bytes;
  // driver::warm_pool(). Called on connection threads; unset: there is none.
  std::function<hypervisor::warm_pool_status()> warm_pool;
  // Told of faults that clients see only as "internal error": one line each. Called on connection
  // threads.
  std::function<void(const std::string&)> report_fault;
};

// All must outlive the server. The server calls control.cancel_waits() when it stops.
struct dependencies {
  actors::control_plane& control;
  store::event_log& log;
  hypervisor::image_store& images;
  hypervisor::rom_store& roms;
  gateway::certificate_store* certificates = nullptr;  // null: there is no gateway
  const gateway::gateway* traffic = nullptr;           // null: it is off
};

class server {
 public:
  // Binds and serves when it returns. The error is one sentence for the operator.
  static tl::expected<std::unique_ptr<server>, std::string> start(options how, dependencies on);

  // Stops, if it still runs.
  virtual ~server() = default;

  virtual std::uint16_t port() const = 0;
  virtual std::string url() const = 0;  // "http://127.0.0.1:PORT"

  // What it serves, sorted: "GET /v1/instances/{uuid}".
  virtual std::vector<std::string> routes() const = 0;

  // Accepts nothing more, ends waits and followers, lets requests in progress finish and closes
  // all connections; within a second unless a handler is busy with disk. Idempotent.
  virtual void stop() = 0;
};

}  // namespace platen::http
