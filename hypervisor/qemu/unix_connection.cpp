#include "hypervisor/qemu/unix_connection.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace platen::hypervisor::qemu {

namespace {

using local_socket = asio::local::stream_protocol::socket;

std::string socket_path(int directory_fd, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory_fd) + "/" + name;
}

// Cancels the socket's operations if it is not destroyed in time.
class deadline {
 public:
  deadline(local_socket& socket, std::optional<milliseconds> limit)
      : state_(std::make_shared<state>()), timer_(socket.get_executor()) {
    if (!limit) return;
    state_->socket = &socket;
    timer_.expires_after(*limit);
    timer_.async_wait([state = state_](const boost::system::error_code& error) {
      if (error || state->socket == nullptr) return;
      state->expired = true;
      boost::system::error_code ignored;
      state->socket->cancel(ignored);
    });
  }
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;
  // The handler may already be queued; without the socket it has nothing to cancel.
  ~deadline() { state_->socket = nullptr; }
  bool expired() const { return state_->expired; }

 private:
  struct state {
    local_socket* socket = nullptr;
    bool expired = false;
  };
  std::shared_ptr<state> state_;
  asio::steady_timer timer_;
};

ssize_t send_with_descriptor(int socket, std::string_view bytes, int passed_fd) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &passed_fd, sizeof passed_fd);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

tl::expected<unique_fd, std::string> listen_in(int directory_fd, const std::string& name) {
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return tl::unexpected(system_error_sentence("make the socket", name));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = socket_path(directory_fd, name);
  if (path.size() >= sizeof address.sun_path)
    return tl::unexpected("the socket name " + path + " is too long");
  path.copy(address.sun_path, path.size());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return tl::unexpected(system_error_sentence("bind the socket", name));
  constexpr int backlog = 4;
  if (::listen(fd.get(), backlog) != 0)
    return tl::unexpected(system_error_sentence("listen on the socket", name));
  return fd;
}

tl::expected<void, std::string> unix_connection::connect(int directory_fd, const std::string& name,
                                                         std::string peer) {
  peer_ = std::move(peer);
  boost::system::error_code error;
  socket_.close(error);
  // A local connect only enters the listener's queue; it does not wait for QEMU to accept.
  socket_.connect(asio::local::stream_protocol::endpoint(socket_path(directory_fd, name)), error);
  if (!error) socket_.non_blocking(true, error);
  if (error) return tl::unexpected("cannot connect to " + peer_ + ": " + error.message());
  return {};
}

void unix_connection::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

task<tl::expected<std::size_t, std::string>> unix_connection::read_some(
    std::span<char> into, std::optional<milliseconds> limit) {
  deadline guard(socket_, limit);
  const auto [error, size] =
      co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), as_result);
  if (!error) co_return size;
  if (guard.expired())
    co_return tl::unexpected(peer_ + " did not answer within " + std::to_string(limit->count()) +
                             " ms");
  co_return tl::unexpected(peer_ + " closed the connection");
}

task<tl::expected<void, std::string>> unix_connection::write(std::string bytes, milliseconds limit,
                                                             std::optional<int> passed_fd) {
  deadline guard(socket_, limit);
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const std::string_view rest = std::string_view(bytes).substr(sent);
    const bool with_descriptor = passed_fd && sent == 0;
    const auto n = with_descriptor ? send_with_descriptor(socket_.native_handle(), rest, *passed_fd)
                                   : ::send(socket_.native_handle(), rest.data(), rest.size(),
                                            MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      co_return tl::unexpected("cannot write to " + peer_ + ": " +
                               std::error_code(errno, std::generic_category()).message());
    const auto [error] = co_await socket_.async_wait(local_socket::wait_write, as_result);
    if (error)
      co_return tl::unexpected(peer_ + " did not take what was sent within " +
                               std::to_string(limit.count()) + " ms");
  }
  co_return tl::expected<void, std::string>{};
}

}  // namespace platen::hypervisor::qemu
