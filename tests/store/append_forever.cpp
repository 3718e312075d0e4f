// Appends to the log in argv[1] until it is killed, and writes one line for every acknowledged
// append: stream number, version, sequence and hash of the newest event at that moment.
#include <unistd.h>

#include <array>
#include <iostream>
#include <semaphore>

#include "events/hash.hpp"
#include "store/rocksdb_log.hpp"

using namespace platen;

namespace {

constexpr std::size_t streams = 8;  // each has one append under way at any time

void report(std::size_t stream, std::uint64_t version, const store::head& newest) {
  const std::string line = std::to_string(stream) + " " + std::to_string(version) + " " +
                           std::to_string(newest.sequence) + " " + events::to_hex(newest.hash) +
                           "\n";
  // One write a line: a pipe takes up to 4 KiB of it whole.
  if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(3);
}

void append_next(store::event_log& log, std::size_t stream, std::uint64_t version) {
  store::append_request next;
  next.stream = "instance/" + std::to_string(stream);
  next.expected_version = version;
  next.what.emplace_back(events::instance_start_requested{});
  next.what.emplace_back(events::instance_boot_started{{}, static_cast<std::uint32_t>(version)});
  log.append(std::move(next), [&log, stream](const store::result<store::appended>& outcome) {
    if (!outcome) _exit(4);
    report(stream, outcome->version, log.newest());
    append_next(log, stream, outcome->version);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto log = store::rocksdb_log::open(argv[1]);
  if (!log) {
    std::cerr << log.error().message << '\n';
    return 1;
  }
  std::array<std::uint64_t, streams> versions{};
  const auto read = (*log)->read_all(0, [&](const events::envelope& event) {
    versions.at(std::stoul(event.stream.substr(event.stream.find('/') + 1))) = event.version;
    return true;
  });
  if (!read) return 1;
  for (std::size_t stream = 0; stream < streams; ++stream)
    append_next(**log, stream, versions[stream]);
  std::binary_semaphore(0).acquire();
}
