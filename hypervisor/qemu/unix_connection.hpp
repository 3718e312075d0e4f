// Unix sockets inside a VM's directory: made before QEMU starts, so that connecting never waits for
// it, and reached through the directory's descriptor, because a socket's path may have 107 bytes.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "hypervisor/qemu/async.hpp"
#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

// A listening socket `name` in the directory; QEMU inherits it and accepts.
tl::expected<unique_fd, std::string> listen_in(int directory_fd, const std::string& name);

// One client connection. Every wait has a limit; the error is a sentence without a final stop.
class unix_connection {
 public:
  explicit unix_connection(asio::io_context& io) : socket_(io) {}

  // `peer` names the other side in error sentences: "QEMU's monitor".
  tl::expected<void, std::string> connect(int directory_fd, const std::string& name,
                                          std::string peer);
  void close();
  bool is_open() const { return socket_.is_open(); }

  // Bytes read, at least one. Without a limit it waits until the other side closes.
  task<tl::expected<std::size_t, std::string>> read_some(std::span<char> into,
                                                         std::optional<milliseconds> limit);
  // With `passed_fd`, that descriptor travels along with the first byte (SCM_RIGHTS).
  task<tl::expected<void, std::string>> write(std::string bytes, milliseconds limit,
                                              std::optional<int> passed_fd = std::nullopt);

 private:
  asio::local::stream_protocol::socket socket_;
  std::string peer_;
};

}  // namespace platen::hypervisor::qemu
