#include "hypervisor/guest/init/sleep_line.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "hypervisor/guest/init/root.hpp"

namespace platen::guest {
namespace {

const std::string folder = "/run/platen";
const std::string path = folder + "/scale_to_zero";

}  // namespace

status sleep_line::create() {
  if (auto made = make_folders(folder); !made) return made;
  if (::mkfifo(path.c_str(), 0444) != 0) return errno_error("cannot make the FIFO " + path);
  fifo_ = owned_fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!fifo_.is_open()) return errno_error("cannot open " + path);
  return {};
}

void sleep_line::asleep_soon() {
  if (!std::exchange(told_, true)) say("scaletozero\n");
}

void sleep_line::awake() {
  if (std::exchange(told_, false)) say("awake\n");
}

void sleep_line::say(std::string_view line) {
  if (!fifo_.is_open()) return;
  std::array<char, 64> unread{};
  while (::read(fifo_.get(), unread.data(), unread.size()) > 0) {
  }
  if (::write(fifo_.get(), line.data(), line.size()) < 0) log_line("cannot write " + path);
}

}  // namespace platen::guest
