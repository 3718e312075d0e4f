// The event log against what the machine and RocksDB can do. Called by tools/bench.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "store/rocksdb_log.hpp"
#include "tools/benchmarks/appends.hpp"
#include "tools/benchmarks/commands.hpp"
#include "tools/benchmarks/floors.hpp"
#include "tools/benchmarks/history.hpp"

namespace {

using namespace platen;
using namespace platen::benchmarks;

template <class Value>
Value median(std::vector<Value> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void add_rate(figures& into, const std::string& name, const append_rate& rate) {
  into.add(name, rate.events_per_s, "events/s");
  into.add(name + ", p50", rate.p50_us, "us");
  into.add(name + ", p99", rate.p99_us, "us");
}

// By turns, because the disk of a shared machine is now faster, now slower.
void measure_beside_rocksdb(const std::filesystem::path& directory, store::event_log& log,
                            figures& into) {
  constexpr int rounds = 7;
  constexpr int batches = 800;
  constexpr std::size_t in_flight = 64;
  raw_rocksdb raw(directory, appended_record_bytes());
  std::vector<double> theirs, ours, p50, p99, ratios;
  for (int round = 0; round < rounds; ++round) {
    theirs.push_back(raw.write(batches));
    const auto rate =
        measure_appends(log, in_flight, in_flight * batches, "round" + std::to_string(round));
    ours.push_back(rate.events_per_s);
    p50.push_back(rate.p50_us);
    p99.push_back(rate.p99_us);
    ratios.push_back(100 * ours.back() / theirs.back());
  }
  into.add("RocksDB alone, synced batches of 64", median(theirs), "events/s");
  add_rate(into, "appends, 64 in flight", {median(ours), median(p50), median(p99)});
  into.add("appends, 64 in flight, of RocksDB alone", median(ratios), "%");
  into.add("the same, least of all rounds", *std::min_element(ratios.begin(), ratios.end()), "%");
  into.add("the same, most of all rounds", *std::max_element(ratios.begin(), ratios.end()), "%");
}

void measure_log(const std::filesystem::path& directory, figures& into) {
  const auto floor = measure_disk(directory, into);
  into.add("bytes a record", static_cast<double>(appended_record_bytes()), "");
  auto log = store::rocksdb_log::open((directory / "log").string());
  if (!log) throw std::runtime_error(log.error().message);
  constexpr std::size_t few = 5'000;
  const auto alone = measure_appends(**log, 1, few, "alone");
  add_rate(into, "appends, 1 in flight", alone);
  into.add("appends, 1 in flight, p99 beyond fdatasync p99", alone.p99_us - floor.sync_p99_us,
           "us");
  add_rate(into, "appends, 8 in flight", measure_appends(**log, 8, few * 8, "eight"));
  measure_beside_rocksdb(directory, **log, into);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures the event log", "log_benchmark");
  std::string directory;
  std::size_t entities = 100'000;
  app.add_option("directory", directory, "An empty directory on the disk to measure")->required();
  app.add_option("--entities", entities, "Instances of the long history");
  CLI11_PARSE(app, argc, argv);
  try {
    figures into;
    measure_log(directory, into);
    measure_commands(directory, into);
    measure_history(directory, entities, into);
    into.print_json();
  } catch (const std::exception& failed) {
    std::cerr << "log_benchmark: " << failed.what() << '\n';
    return 1;
  }
  return 0;
}
