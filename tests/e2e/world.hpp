// A data directory, a real platend on it, and what the tests ask and look for. The binaries and the
// guest are those of the build.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/program.hpp"
#include "tests/tools/temporary_directory.hpp"
#include "tools/platen/client.hpp"

namespace platen::tests {

using cli::json;

class world {
 public:
  // `arguments` are given to each daemon: {"--hypervisor", "sim"}.
  explicit world(std::vector<std::string> arguments);
  // Ends the daemon and every VM of this data directory.
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  std::filesystem::path data() const { return directory_.path() / "data"; }
  const temporary_directory& directory() const { return directory_; }

  // Starts daemons through this command line, which ends with `exec "$@"` or the like.
  void launch_with(std::vector<std::string> launcher) { launcher_ = std::move(launcher); }

  // ---- the daemon ------------------------------------------------------------------------------

  // Starts it and waits until it listens.
  void start_daemon();
  // The same with these variables, for a daemon that may end by itself meanwhile: false if it did.
  bool start_daemon_with(const variables& environment);
  // Waits for a daemon that ends by itself; its exit code, or minus the number of its signal.
  int wait_for_daemon_to_end();
  void kill_daemon();                       // SIGKILL
  std::chrono::milliseconds stop_daemon();  // SIGTERM; how long it took; its exit code must be 0
  program& daemon() { return *daemon_; }

  // ---- asking it -------------------------------------------------------------------------------

  cli::endpoint where() const;
  cli::client api() const;
  // The platen program on this daemon.
  finished platen(std::vector<std::string> arguments) const;
  // Runs it and requires exit code 0; its output as JSON (--json is added).
  json platen_json(std::vector<std::string> arguments) const;

  // POST /v1/instances; the instance or template failure item as it was answered.
  json create(const json& body) const;
  json instance(const std::string& name) const;
  json vm_template(const std::string& name) const;
  json wait_until_running(const std::string& name) const;

  // All events so far.
  std::vector<json> events() const;
  std::size_t count_events(const std::string& type) const;
  // Follows the log until an event satisfies `is_it`; fails the test after two minutes.
  using event_predicate = std::function<bool(const json&)>;
  json await_event(const event_predicate& is_it, std::uint64_t after = 0) const;
  json await_event(const std::string& type, std::uint64_t after = 0) const;

  // ---- looking around --------------------------------------------------------------------------

  // QEMU processes that belong to this data directory, without those kept ready for orders.
  std::vector<pid_t> vm_processes() const;
  // Those kept ready.
  std::vector<pid_t> pool_processes() const;
  // Waits until all of them have ended; false if one has not within half a minute.
  bool all_vms_end() const;
  // What lies in <data>/vms: one directory a VM.
  std::vector<std::string> vm_directories() const;
  // Requires that every process and VM directory belongs to a living entity, and that the chain of
  // the log is unbroken.
  void require_everything_owned() const;
  void require_chain_unbroken() const;

 private:
  std::vector<pid_t> qemu_processes(bool of_the_pool) const;
  temporary_directory directory_;
  std::vector<std::string> arguments_;
  std::vector<std::string> launcher_;
  std::unique_ptr<program> daemon_;
  std::string url_;
};

// A world with real VMs, the demo image imported.
std::unique_ptr<world> world_with_vms();

// An instance of template `of`, prepared on demand from `image`, with a ROM and port 8080.
json on_demand(const std::string& name, const std::string& of,
               const std::string& image = "platen/demo:v1");

// GET from the instance's first forwarded address.
std::string fetch(const json& instance, const std::string& path);

}  // namespace platen::tests
