// Keeps the logs that QEMU appends to from growing without end.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string_view>

#include "hypervisor/qemu/async.hpp"

namespace platen::hypervisor::qemu {

// When more than `limit` bytes of a file take up space, all but the newest half of the limit is
// given back by punching a hole: offsets stay what they were, and QEMU's O_APPEND is not disturbed.
// Returns whether it did.
bool forget_old_log_bytes(const std::filesystem::path& path, std::uint64_t limit);

// Watches logs and bounds each when it has grown. One inotify instance for all VMs, because a user
// may only have 128 of them. On the driver's thread only.
class log_bounds : public std::enable_shared_from_this<log_bounds> {
 public:
  log_bounds(asio::io_context& io, std::uint64_t limit);
  // Runs until the driver's loop ends.
  task<void> run();
  void add(const std::filesystem::path& log);
  // Forgets the logs in this directory.
  void remove(const std::filesystem::path& directory);

 private:
  void handle(std::string_view events);

  asio::posix::stream_descriptor inotify_;
  std::map<int, std::filesystem::path> logs_;
  std::uint64_t limit_;
};

}  // namespace platen::hypervisor::qemu
