#include "http/connection/departures.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace platen::http {
namespace {

constexpr std::uint64_t stop_id = 0;

void add(int poll, int descriptor, std::uint32_t what, std::uint64_t id) {
  epoll_event wanted{};
  wanted.events = what;
  wanted.data.u64 = id;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &wanted);
}

}  // namespace

departures::watch::watch(watch&& other) noexcept
    : by_(std::exchange(other.by_, nullptr)),
      id_(other.id_),
      socket_(other.socket_),
      left_(std::move(other.left_)) {}

departures::watch::~watch() {
  if (by_ != nullptr) by_->end(id_, socket_);
}

departures::departures()
    : poll_(::epoll_create1(EPOLL_CLOEXEC)), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  add(poll_.get(), stop_.get(), EPOLLIN, stop_id);
  thread_ = std::thread([this] { run(); });
}

departures::~departures() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

departures::watch departures::over(int socket) {
  const std::lock_guard lock(mutex_);
  const auto id = ++last_id_;
  const auto left = watched_[id].get_token();
  add(poll_.get(), socket, EPOLLRDHUP | EPOLLONESHOT, id);
  return {*this, id, socket, left};
}

void departures::end(std::uint64_t id, int socket) {
  const std::lock_guard lock(mutex_);
  ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, socket, nullptr);
  watched_.erase(id);
}

void departures::run() {
  std::array<epoll_event, 64> seen{};
  while (true) {
    const int count = ::epoll_wait(poll_.get(), seen.data(), static_cast<int>(seen.size()), -1);
    if (count < 0 && errno != EINTR) return;
    for (int i = 0; i < count; ++i) {
      const auto id = seen[static_cast<std::size_t>(i)].data.u64;
      if (id == stop_id) return;
      std::unique_lock lock(mutex_);
      const auto found = watched_.find(id);
      if (found == watched_.end()) continue;
      // Who waits is woken without the lock: his watch may end at once.
      auto left = found->second;
      lock.unlock();
      left.request_stop();
    }
  }
}

}  // namespace platen::http
