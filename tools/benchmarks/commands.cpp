#include "tools/benchmarks/commands.hpp"

#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "actors/control_plane.hpp"
#include "hypervisor/sim/sim_driver.hpp"
#include "store/rocksdb_log.hpp"
#include "tools/benchmarks/stopwatch.hpp"

namespace platen::benchmarks {

namespace {

actors::create_instance wish() {
  actors::create_instance made;
  made.spec.image = "platen/demo:v1";
  made.spec.memory_mb = 256;
  made.spec.vcpus = 1;
  return made;
}

void create_many(actors::control_plane& plane, std::size_t in_flight_max, std::size_t total,
                 figures& into) {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t in_flight = 0;
  latencies each;
  const stopwatch all;
  for (std::size_t i = 0; i < total; ++i) {
    {
      std::unique_lock guard(mutex);
      changed.wait(guard, [&] { return in_flight < in_flight_max; });
      ++in_flight;
    }
    const stopwatch one;
    plane.create(wish(), {"request", "token:9f86d081884c7d65", events::origin::api},
                 [&, one](const auto& answer) {
                   if (!answer) throw std::runtime_error(answer.error().message);
                   const std::lock_guard guard(mutex);
                   each.add(one.seconds());
                   --in_flight;
                   changed.notify_one();
                 });
  }
  std::unique_lock guard(mutex);
  changed.wait(guard, [&] { return in_flight == 0; });
  const auto name = "commands (create), " + std::to_string(in_flight_max) + " in flight";
  into.add(name, static_cast<double>(total) / all.seconds(), "/s");
  into.add(name + ", p50", each.quantile_us(0.5), "us");
  into.add(name + ", p99", each.quantile_us(0.99), "us");
}

}  // namespace

void measure_commands(const std::filesystem::path& directory, figures& into) {
  auto log = store::rocksdb_log::open((directory / "commands").string());
  if (!log) throw std::runtime_error(log.error().message);
  auto driver = hypervisor::make_sim_driver(std::make_shared<hypervisor::sim_world>(),
                                            hypervisor::real_time_scheduler());
  actors::options how;
  how.max_instances = 1'000'000;
  auto plane = actors::control_plane::start(how, **log, *driver);
  if (!plane) throw std::runtime_error(plane.error());
  create_many(**plane, 1, 3'000, into);
  create_many(**plane, 64, 60'000, into);
}

}  // namespace platen::benchmarks
