// One thread of the gateway: its connections, its view of the table, its backend connections.
// Nothing here but post() and join() is called from other threads.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "http/gateway/backend_pool.hpp"
#include "http/gateway/routing.hpp"

namespace platen::gateway {

// What all workers have in common.
struct shared_state {
  limits bounds;
  hooks call;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> held{0};
};

class worker {
 public:
  explicit worker(shared_state& common);
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker() { join(); }

  asio::io_context& context() { return context_; }
  template <class Act>
  void post(Act act) {
    asio::post(context_, std::move(act));
  }
  // Ends the thread; connections end with the worker.
  void join();

  shared_state& common() { return common_; }
  const limits& bounds() const { return common_.bounds; }
  const tls_acceptor& tls() const { return tls_; }
  backend_pool& pool() { return pool_; }

  std::shared_ptr<const ready_table> table() const { return table_; }
  void set_table(std::shared_ptr<const ready_table> next);

  // Ends when there is another table than `known` (true), or the time is over (false).
  awaitable<bool> table_change(const std::shared_ptr<const ready_table>& known,
                               std::chrono::steady_clock::time_point until);

  // The client's connection to the listener at `port`; counted until it ends.
  void serve(tcp::socket client, std::uint16_t port);

 private:
  shared_state& common_;
  tls_acceptor tls_;
  std::shared_ptr<const ready_table> table_;
  std::set<asio::steady_timer*> waiting_;  // for another table
  std::thread thread_;
  // Goes first: coroutines that are still suspended end with it, and use what is above. The pool's
  // sockets belong to it, so the pool goes before it.
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> busy_{context_.get_executor()};
  backend_pool pool_;
};

}  // namespace platen::gateway
