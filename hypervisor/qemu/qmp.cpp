#include "hypervisor/qemu/qmp.hpp"

#include <array>
#include <charconv>
#include <sstream>

namespace platen::hypervisor::qemu {

namespace {

using nlohmann::json;
using clock = std::chrono::steady_clock;

// Nothing here waits for more than the last few events; a guest must not make us keep more.
constexpr std::size_t kept_events_limit = 256;

milliseconds left_until(clock::time_point end) {
  return std::max(std::chrono::duration_cast<milliseconds>(end - clock::now()), milliseconds(0));
}

std::string error_sentence(const std::string& command, const json& error) {
  return "QEMU refused " + command + ": " + error.value("desc", std::string("no reason given"));
}

std::uint16_t to_port(const std::string& text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() ? port : std::uint16_t{0};
}

}  // namespace

tl::expected<std::optional<json>, std::string> qmp_lines::next() {
  for (;;) {
    const auto end = pending_.find('\n');
    if (end == std::string::npos) {
      if (pending_.size() > line_limit)
        return tl::unexpected(std::string("QEMU's monitor sent an endless line"));
      return std::optional<json>{};
    }
    const auto line = pending_.substr(0, end);
    pending_.erase(0, end + 1);
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto object = json::parse(line, nullptr, false);
    if (!object.is_object())
      return tl::unexpected(std::string("QEMU's monitor sent something that is not JSON"));
    return std::optional<json>{std::move(object)};
  }
}

task<tl::expected<json, std::string>> qmp_client::read_object(milliseconds limit) {
  const auto end = clock::now() + limit;
  for (;;) {
    auto object = lines_.next();
    if (!object) co_return tl::unexpected(object.error());
    if (object->has_value()) co_return std::move(**object);
    std::array<char, 4096> chunk;
    const auto size = co_await connection_.read_some(chunk, left_until(end));
    if (!size) co_return tl::unexpected(size.error());
    lines_.feed({chunk.data(), *size});
  }
}

void qmp_client::keep_event(json event) {
  if (events_.size() >= kept_events_limit) events_.pop_front();
  events_.push_back(std::move(event));
}

std::optional<json> qmp_client::take_event(const std::string& name, const event_filter& wanted) {
  while (!events_.empty()) {
    auto event = std::move(events_.front());
    events_.pop_front();
    if (event.value("event", std::string{}) != name) continue;
    auto data = event.value("data", json::object());
    if (wanted(data)) return data;
  }
  return std::nullopt;
}

task<tl::expected<void, std::string>> qmp_client::connect(int directory_fd, std::string name) {
  lines_ = {};
  events_.clear();
  auto connected = connection_.connect(directory_fd, name, "QEMU's monitor");
  if (!connected) co_return connected;
  const auto greeting = co_await read_object(limit_);
  if (!greeting) co_return tl::unexpected(greeting.error());
  if (!greeting->contains("QMP"))
    co_return tl::unexpected(std::string("QEMU's monitor did not greet as a QMP server"));
  const auto enabled = co_await execute("qmp_capabilities");
  if (!enabled) co_return tl::unexpected(enabled.error());
  co_return tl::expected<void, std::string>{};
}

task<tl::expected<json, std::string>> qmp_client::execute(std::string command, json arguments,
                                                          std::optional<int> passed_fd) {
  const auto end = clock::now() + limit_;
  const auto id = ++last_id_;
  json request = {{"execute", command}, {"id", id}};
  if (!arguments.empty()) request["arguments"] = std::move(arguments);
  auto text = request.dump() + "\n";
  const auto written = co_await connection_.write(std::move(text), limit_, passed_fd);
  if (!written) co_return tl::unexpected(written.error());
  for (;;) {
    auto object = co_await read_object(left_until(end));
    if (!object) co_return tl::unexpected(command + ": " + object.error());
    if (object->contains("event")) {
      keep_event(std::move(*object));
      continue;
    }
    if (object->value("id", json()) != json(id)) continue;
    if (object->contains("error"))
      co_return tl::unexpected(error_sentence(command, (*object)["error"]));
    co_return object->value("return", json::object());
  }
}

task<tl::expected<json, std::string>> qmp_client::wait_event(std::string name, event_filter wanted,
                                                             milliseconds limit) {
  const auto end = clock::now() + limit;
  for (;;) {
    if (auto data = take_event(name, wanted)) co_return std::move(*data);
    auto object = co_await read_object(left_until(end));
    if (!object) co_return tl::unexpected("waiting for " + name + ": " + object.error());
    if (object->contains("event")) keep_event(std::move(*object));
  }
}

std::vector<usernet_forward> parse_usernet(std::string_view text) {
  std::vector<usernet_forward> forwards;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string protocol, fd, source, source_port, destination, destination_port;
    fields >> protocol >> fd >> source >> source_port >> destination >> destination_port;
    if (protocol != "TCP[HOST_FORWARD]") continue;
    const usernet_forward forward{to_port(source_port), to_port(destination_port)};
    if (forward.host_port != 0 && forward.guest_port != 0) forwards.push_back(forward);
  }
  return forwards;
}

}  // namespace platen::hypervisor::qemu
