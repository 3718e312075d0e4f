// Thin wrappers of the kernel's interfaces: owned descriptors, errors as sentences, small files.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace platen::guest {

template <typename T>
using result = tl::expected<T, std::string>;
using status = result<void>;

class owned_fd {
 public:
  owned_fd() = default;
  explicit owned_fd(int fd) : fd_(fd) {}
  owned_fd(owned_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  owned_fd& operator=(owned_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~owned_fd() { close(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

inline tl::unexpected<std::string> error(std::string sentence) {
  return tl::unexpected<std::string>(std::move(sentence));
}

// "<what>: <text of errno>", as an error.
tl::unexpected<std::string> errno_error(std::string_view what);

// One line on the console. Never blocks for long: the console is a serial line into a file.
void log_line(std::string_view text);

// At most `limit` bytes of a file.
result<std::string> read_file(const std::string& path, std::size_t limit = 1 << 20);

// Replaces a file by a new one, so that a symbolic link or an old reader is left alone.
status replace_file(const std::string& path, std::string_view bytes, unsigned mode = 0644);

status mount_at(const char* source, const std::string& target, const char* type,
                unsigned long flags = 0, const char* options = nullptr);

// The wall clock, in nanoseconds since the Unix epoch.
status set_clock(std::int64_t time_ns);

using clock = std::chrono::steady_clock;

}  // namespace platen::guest
