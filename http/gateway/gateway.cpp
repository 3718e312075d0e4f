#include "http/gateway/gateway.hpp"

#include <algorithm>
#include <latch>
#include <map>
#include <mutex>

#include "http/gateway/worker.hpp"

namespace platen::gateway {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_workers = 8;
// When the process is out of file descriptors, connections wait in the kernel for so long.
constexpr auto out_of_descriptors = 100ms;

class running_gateway final : public gateway {
 public:
  explicit running_gateway(options how, asio::ip::address address)
      : address_(address), common_{how.bounds, std::move(how.call), {}, {}} {
    auto count = how.workers;
    if (count == 0)
      count = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, most_workers);
    for (std::size_t i = 0; i < count; ++i)
      workers_.push_back(std::make_unique<worker>(common_));
  }

  ~running_gateway() override { running_gateway::stop(); }

  std::vector<problem> publish(table next) override {
    const std::lock_guard guard(mutex_);
    if (stopped_) return {};
    const auto ready = make_ready(std::move(next), loads_);
    close_all_but(ready->listeners);
    std::latch done(static_cast<std::ptrdiff_t>(workers_.size()));
    for (const auto& one : workers_)
      one->post([&done, &one, ready] {
        one->set_table(ready);
        done.count_down();
      });
    done.wait();
    std::vector<problem> problems;
    for (const auto& [port, listener] : ready->listeners)
      if (const auto opened = open(port); !opened) problems.push_back({port, opened.error()});
    return problems;
  }

  std::vector<load> loads() const override { return loads_.all(); }

  void stop() override {
    const std::lock_guard guard(mutex_);
    if (std::exchange(stopped_, true)) return;
    // All threads end before the first worker does: an acceptor refers to the others.
    for (const auto& one : workers_)
      one->join();
    acceptors_.clear();
    // The first one has sockets of the others in its accept under way.
    while (!workers_.empty())
      workers_.erase(workers_.begin());
  }

 private:
  using acceptor_ptr = std::shared_ptr<tcp::acceptor>;

  // All listeners live on the first worker, which hands connections out in turn.
  worker& host() { return *workers_.front(); }

  void close_all_but(const std::map<std::uint16_t, ready_listener>& wanted) {
    std::erase_if(acceptors_, [&](const auto& entry) {
      if (wanted.contains(entry.first)) return false;
      host().post([acceptor = entry.second] {
        error_code ignored;
        acceptor->close(ignored);
      });
      return true;
    });
  }

  tl::expected<void, std::string> open(std::uint16_t port) {
    if (acceptors_.contains(port)) return {};
    const auto made = std::make_shared<tcp::acceptor>(host().context());
    const tcp::endpoint at(address_, port);
    error_code error;
    made->open(at.protocol(), error);
    if (!error) made->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) made->bind(at, error);
    if (!error) made->listen(asio::socket_base::max_listen_connections, error);
    if (error) return tl::unexpected(error.message());
    acceptors_[port] = made;
    asio::co_spawn(
        host().context(), [this, made, port] { return accept(made, port); }, asio::detached);
    return {};
  }

  awaitable<void> accept(acceptor_ptr from, std::uint16_t port) {
    asio::steady_timer pause(host().context());
    while (from->is_open()) {
      auto& next = *workers_[turn_++ % workers_.size()];
      auto [error, client] = co_await from->async_accept(next.context(), as_value);
      if (!error) {
        client.set_option(tcp::no_delay(true), error);
        next.post([&next, port, taken = std::move(client)]() mutable {
          next.serve(std::move(taken), port);
        });
      } else if (from->is_open() && error != asio::error::connection_aborted) {
        pause.expires_after(out_of_descriptors);
        co_await pause.async_wait(as_value);
      }
    }
  }

  asio::ip::address address_;
  shared_state common_;
  load_book loads_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<worker>> workers_;
  std::size_t turn_ = 0;
  std::map<std::uint16_t, acceptor_ptr> acceptors_;  // by port
};

}  // namespace

tl::expected<std::unique_ptr<gateway>, std::string> gateway::start(options how) {
  error_code error;
  const auto address = asio::ip::make_address(how.address, error);
  if (error) return tl::unexpected("'" + how.address + "' is not a numeric address");
  return std::make_unique<running_gateway>(std::move(how), address);
}

}  // namespace platen::gateway
