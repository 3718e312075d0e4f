// A client of QEMU's machine protocol (QMP): one command at a time, events kept until asked for.
#pragma once

#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "hypervisor/qemu/unix_connection.hpp"

namespace platen::hypervisor::qemu {

// Cuts what QEMU sends into JSON objects, one a line. Bounded: a longer line is an error.
class qmp_lines {
 public:
  static constexpr std::size_t line_limit = 1 << 20;
  void feed(std::string_view bytes) { pending_ += bytes; }
  // The next whole object; nothing if its line is not complete yet.
  tl::expected<std::optional<nlohmann::json>, std::string> next();

 private:
  std::string pending_;
};

class qmp_client {
 public:
  // `limit` bounds each answer; waits for events have their own.
  qmp_client(asio::io_context& io, milliseconds limit) : connection_(io), limit_(limit) {}

  // From here on.
  void limit_answers(milliseconds limit) { limit_ = limit; }

  // Connects to the socket `name` in the directory, reads the greeting and enables commands.
  task<tl::expected<void, std::string>> connect(int directory_fd, std::string name);

  // The command's return value. With `passed_fd`, the descriptor goes along (for getfd).
  task<tl::expected<nlohmann::json, std::string>> execute(
      std::string command, nlohmann::json arguments = nlohmann::json::object(),
      std::optional<int> passed_fd = std::nullopt);

  // The first event of that name, from now or since connecting, that `wanted` accepts.
  using event_filter = std::function<bool(const nlohmann::json& data)>;
  task<tl::expected<nlohmann::json, std::string>> wait_event(std::string name, event_filter wanted,
                                                             milliseconds limit);
  void close() { connection_.close(); }

 private:
  task<tl::expected<nlohmann::json, std::string>> read_object(milliseconds limit);
  void keep_event(nlohmann::json event);
  std::optional<nlohmann::json> take_event(const std::string& name, const event_filter& wanted);

  unix_connection connection_;
  milliseconds limit_;
  qmp_lines lines_;
  std::deque<nlohmann::json> events_;
  std::uint64_t last_id_ = 0;
};

struct usernet_forward {
  std::uint16_t host_port = 0;
  std::uint16_t guest_port = 0;
};
// The TCP forwards in what the monitor's `info usernet` prints.
std::vector<usernet_forward> parse_usernet(std::string_view text);

}  // namespace platen::hypervisor::qemu
