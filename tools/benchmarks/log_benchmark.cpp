// The event log against what the machine and RocksDB can do. Called by tools/bench.
#include <CLI/CLI.hpp>

#include "store/rocksdb_log.hpp"
#include "tools/benchmarks/appends.hpp"
#include "tools/benchmarks/commands.hpp"
#include "tools/benchmarks/history.hpp"

namespace {

using namespace platen;
using namespace platen::benchmarks;

void measure_log(const std::filesystem::path& directory, figures& into) {
  const auto floor = measure_disk(directory, into);
  const double raw = measure_rocksdb(directory, appended_record_bytes(), into);
  into.add("bytes a record", static_cast<double>(appended_record_bytes()), "");
  auto log = store::rocksdb_log::open((directory / "log").string());
  if (!log) throw std::runtime_error(log.error().message);
  constexpr std::size_t few = 5'000;
  constexpr std::size_t many = 300'000;
  const auto alone = measure_appends(**log, 1, few, "appends, 1 in flight", into);
  measure_appends(**log, 8, few * 8, "appends, 8 in flight", into);
  const auto busy = measure_appends(**log, 64, many, "appends, 64 in flight", into);
  into.add("appends, 64 in flight, of RocksDB alone", 100 * busy.events_per_s / raw, "%");
  into.add("appends, 1 in flight, p99 beyond fdatasync p99", alone.p99_us - floor.sync_p99_us,
           "us");
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
