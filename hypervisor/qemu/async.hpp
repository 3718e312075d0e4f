// The few coroutine tools the driver needs on top of Boost.Asio. All of them live on the driver's
// one thread and are not thread-safe; only on_pool leaves it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace platen::hypervisor::qemu {

namespace asio = boost::asio;
template <typename T>
using task = asio::awaitable<T>;
using milliseconds = std::chrono::milliseconds;

inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// Runs blocking work on the pool and comes back to the caller's thread with its result.
template <typename Work>
task<std::invoke_result_t<Work>> on_pool(asio::thread_pool& pool, Work work) {
  using result = std::invoke_result_t<Work>;
  auto job = [](Work todo) -> task<result> { co_return todo(); }(std::move(work));
  co_return co_await asio::co_spawn(pool, std::move(job), asio::use_awaitable);
}

// Something that happens once; any number of coroutines can wait for it.
class one_shot {
 public:
  explicit one_shot(asio::io_context& io) : io_(io) {}
  bool is_set() const { return set_; }
  void set() {
    set_ = true;
    for (auto& waiter : waiters_)
      waiter->cancel();
    waiters_.clear();
  }
  // It has not happened yet, to something else.
  void rearm() { set_ = false; }
  // Whether it happened within that time.
  task<bool> wait(std::optional<milliseconds> limit = std::nullopt) {
    if (set_) co_return true;
    auto timer = std::make_shared<asio::steady_timer>(io_);
    if (limit)
      timer->expires_after(*limit);
    else
      timer->expires_at(asio::steady_timer::time_point::max());
    waiters_.push_back(timer);
    co_await timer->async_wait(as_result);
    std::erase(waiters_, timer);
    co_return set_;
  }

 private:
  asio::io_context& io_;
  bool set_ = false;
  std::vector<std::shared_ptr<asio::steady_timer>> waiters_;
};

// Lets a number of coroutines through at a time, the others in the order they came.
class semaphore : public std::enable_shared_from_this<semaphore> {
 public:
  semaphore(asio::io_context& io, std::size_t places) : io_(io), free_(places) {}

  class permit {
   public:
    explicit permit(std::shared_ptr<semaphore> owner) : owner_(std::move(owner)) {}
    permit(permit&&) noexcept = default;
    permit& operator=(permit&&) = delete;
    ~permit() {
      if (owner_) owner_->release();
    }

   private:
    std::shared_ptr<semaphore> owner_;
  };

  task<permit> acquire() {
    if (free_ > 0) {
      --free_;
      co_return permit(shared_from_this());
    }
    auto turn = std::make_shared<one_shot>(io_);
    waiting_.push_back(turn);
    co_await turn->wait();
    co_return permit(shared_from_this());
  }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  void release() {
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    auto next = waiting_.front();
    waiting_.pop_front();
    next->set();
  }

  asio::io_context& io_;
  std::size_t free_;
  std::deque<std::shared_ptr<one_shot>> waiting_;
};

}  // namespace platen::hypervisor::qemu
