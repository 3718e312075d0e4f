// A program in a guest that watches what a clone is not to notice and what it is to be told: how
// far the monotonic clocks step between two looks, and the notification of a new generation. Keeps
// what it saw in the file given as its only argument, as lines "name=value", written anew every
// look.
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

namespace {

constexpr char generation_file[] = "/run/platen/generation_id";
constexpr int look_every_ms = 50;

std::int64_t microseconds_of(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

class stepping_clock {
 public:
  explicit stepping_clock(clockid_t id) : id_(id), last_(microseconds_of(id)) {}

  void look() {
    const auto now = microseconds_of(id_);
    smallest_ = std::min(smallest_, now - last_);
    largest_ = std::max(largest_, now - last_);
    last_ = now;
  }
  std::string lines(const std::string& name) const {
    return name + "_smallest_step_us=" + std::to_string(smallest_) + "\n" + name +
           "_largest_step_us=" + std::to_string(largest_) + "\n";
  }

 private:
  clockid_t id_;
  std::int64_t last_;
  std::int64_t smallest_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t largest_ = 0;
};

std::string generation() {
  char bytes[64];
  const int file = ::open(generation_file, O_RDONLY);
  const auto size = ::read(file, bytes, sizeof bytes);
  ::close(file);
  std::string text(bytes, size > 0 ? static_cast<std::size_t>(size) : 0);
  return text.substr(0, text.find('\n'));
}

// By rename, so that a reader sees all of it or what was before.
void write_whole(const std::string& path, const std::string& text) {
  const auto next = path + ".next";
  std::FILE* const file = std::fopen(next.c_str(), "w");
  if (file == nullptr) return;
  std::fputs(text.c_str(), file);
  std::fclose(file);
  std::rename(next.c_str(), path.c_str());
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const int watch = ::inotify_init1(IN_NONBLOCK);
  if (::inotify_add_watch(watch, generation_file, IN_CLOSE_WRITE) < 0) {
    std::perror(generation_file);
    return 1;
  }
  stepping_clock monotonic(CLOCK_MONOTONIC);
  stepping_clock boot_time(CLOCK_BOOTTIME);
  int notifications = 0;
  std::string notified_of;
  for (;;) {
    pollfd wait{watch, POLLIN, 0};
    ::poll(&wait, 1, look_every_ms);
    monotonic.look();
    boot_time.look();
    alignas(inotify_event) char events[1024];
    if (::read(watch, events, sizeof events) > 0) {
      ++notifications;
      notified_of = generation();
    }
    write_whole(arguments[1], monotonic.lines("monotonic") + boot_time.lines("boottime") +
                                  "notifications=" + std::to_string(notifications) +
                                  "\nnotified_of=" + notified_of + "\n");
  }
}
