// Keeps the logs that QEMU appends to from growing without end.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/qemu/async.hpp"

namespace platen::hypervisor::qemu {

// When more than `limit` bytes of a file take up space, all but the newest half of the limit is
// given back by punching a hole: offsets stay what they were, and QEMU's O_APPEND is not disturbed.
// Returns whether it did.
bool forget_old_log_bytes(const std::filesystem::path& path, std::uint64_t limit);

// Watches logs by inotify and bounds them until it is destroyed or told to stop.
class log_bounds : public std::enable_shared_from_this<log_bounds> {
 public:
  log_bounds(asio::io_context& io, std::vector<std::filesystem::path> logs, std::uint64_t limit);
  task<void> run();
  void stop();

 private:
  asio::posix::stream_descriptor inotify_;
  std::vector<std::filesystem::path> logs_;
  std::uint64_t limit_;
};

}  // namespace platen::hypervisor::qemu
