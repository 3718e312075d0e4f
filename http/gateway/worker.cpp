#include "http/gateway/worker.hpp"

#include <csignal>

#include "http/gateway/session.hpp"

namespace platen::gateway {

namespace {

// Writing to a connection that was closed is an error value here, not a signal.
void block_broken_pipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

worker::worker(shared_state& common)
    : common_(common),
      table_(std::make_shared<const ready_table>()),
      pool_(context_, common.bounds) {
  thread_ = std::thread([this] {
    block_broken_pipe();
    context_.run();
  });
}

void worker::join() {
  busy_.reset();
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

void worker::set_table(std::shared_ptr<const ready_table> next) {
  table_ = std::move(next);
  std::set<std::string> places;
  for (const auto& [port, listener] : table_->listeners)
    for (const auto& route : listener.routes)
      for (const auto& one : route.backends)
        places.insert(place_of(one.at));
  pool_.retain(places);
  for (auto* timer : waiting_)
    timer->cancel();
}

awaitable<bool> worker::table_change(const std::shared_ptr<const ready_table>& known,
                                     std::chrono::steady_clock::time_point until) {
  asio::steady_timer timer(context_, until);
  struct registration {
    registration(std::set<asio::steady_timer*>& in, asio::steady_timer& one) : all(in), own(one) {
      all.insert(&own);
    }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;
    ~registration() { all.erase(&own); }
    std::set<asio::steady_timer*>& all;
    asio::steady_timer& own;
  };
  const registration listed(waiting_, timer);
  while (table_ == known) {
    const auto [error] = co_await timer.async_wait(as_value);
    if (!error) break;
  }
  co_return table_ != known;
}

void worker::serve(tcp::socket client, std::uint16_t port) {
  if (common_.connections.fetch_add(1) >= common_.bounds.connections) {
    common_.connections.fetch_sub(1);
    return;
  }
  const auto made = std::make_shared<session>(*this, std::move(client), port);
  asio::co_spawn(
      context_, [made]() { return made->run(made); }, asio::detached);
}

}  // namespace platen::gateway
