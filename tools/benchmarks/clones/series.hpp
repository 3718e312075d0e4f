// A number of VMs of one kind, started by several at a time and all left running: when each of them
// ran, answered and served, and what they take together.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace platen::benchmarks {

// Milliseconds since the VM was asked for. A negative number: cannot be told apart from the next.
struct start_times {
  double running = -1;      // the guest's CPU runs
  double agent_answer = 0;  // the agent inside answered
  double first_byte = 0;    // the workload's first byte over HTTP
};

// Starts VMs, and ends all of them in its destructor. Its members throw std::runtime_error.
class vm_starter {
 public:
  virtual ~vm_starter() = default;
  // Blocks until the workload has served. Called from several threads. A VM may end with the
  // thread that started it.
  virtual start_times start(std::size_t number) = 0;
  // Called before each start, with the clock not running.
  virtual void await_readiness() {}
};

struct series_plan {
  std::string method;
  std::size_t count = 1;
  std::size_t at_once = 1;
  unsigned memory_mb = 128;
  // The command line or working directory of each VM's process has this path, and each VM's files
  // lie below it.
  std::filesystem::path place;
};

// Of all of them: times, wall clock, memory and disk. The VMs run until it returns.
nlohmann::json run_series(const series_plan& plan, vm_starter& starter);

// Milliseconds from `begin` until a GET of / on a loopback port yields its first byte. Asked again
// and again: nothing tells when a program inside a guest begins to listen.
void await_first_byte(const std::string& host, std::uint16_t port);

}  // namespace platen::benchmarks
