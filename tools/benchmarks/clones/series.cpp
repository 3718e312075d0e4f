#include "tools/benchmarks/clones/series.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include "tools/benchmarks/clones/footprint.hpp"
#include "tools/benchmarks/stopwatch.hpp"

namespace platen::benchmarks {
namespace {

using json = nlohmann::json;
constexpr double patience_s = 90;
constexpr std::chrono::milliseconds between_tries{2};

bool serves(const std::string& host, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  bool answered = false;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    constexpr std::string_view request = "GET / HTTP/1.0\r\n\r\n";
    char first = 0;
    answered = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
               ::recv(fd, &first, 1, 0) == 1;
  }
  ::close(fd);
  return answered;
}

json to_json(const start_times& times) {
  json value{{"agent_answer_ms", times.agent_answer}, {"first_byte_ms", times.first_byte}};
  if (times.running >= 0) value["running_ms"] = times.running;
  return value;
}

// What the threads of one series share.
struct progress {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  json vms = json::array();
  std::string failure;
};

void start_some(const series_plan& plan, vm_starter& starter, progress& shared) {
  for (auto number = shared.next++; number < plan.count; number = shared.next++) {
    try {
      starter.await_readiness();
      const auto times = starter.start(number);
      const std::lock_guard guard(shared.mutex);
      shared.vms.push_back(to_json(times));
    } catch (const std::exception& error) {
      const std::lock_guard guard(shared.mutex);
      shared.failure = error.what();
      shared.next = plan.count;
    }
  }
}

}  // namespace

void await_first_byte(const std::string& host, std::uint16_t port) {
  const stopwatch waited;
  while (!serves(host, port)) {
    if (waited.seconds() > patience_s)
      throw std::runtime_error("nothing is served on port " + std::to_string(port));
    std::this_thread::sleep_for(between_tries);
  }
}

json run_series(const series_plan& plan, vm_starter& starter) {
  progress shared;
  const auto disk_before = disk_bytes(plan.place);
  std::latch all_run(static_cast<std::ptrdiff_t>(plan.at_once));
  std::latch may_end(1);
  const stopwatch wall;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < plan.at_once; ++i)
    threads.emplace_back([&] {
      start_some(plan, starter, shared);
      all_run.count_down();
      may_end.wait();
    });
  all_run.wait();
  const auto wall_s = wall.seconds();
  const auto memory = memory_of(plan.place);
  const auto disk = disk_bytes(plan.place);
  may_end.count_down();
  threads.clear();
  if (!shared.failure.empty()) throw std::runtime_error(plan.method + ": " + shared.failure);
  return {{"method", plan.method},
          {"count", plan.count},
          {"at_once", plan.at_once},
          {"memory_mb", plan.memory_mb},
          {"wall_s", wall_s},
          {"vms", std::move(shared.vms)},
          {"processes", memory.processes},
          {"pss_bytes", memory.pss},
          {"private_bytes", memory.private_},
          {"shared_bytes", memory.shared},
          {"disk_bytes", disk - std::min(disk, disk_before)}};
}

}  // namespace platen::benchmarks
