// The demo image's server: warms up, becomes a template if it may, and serves.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "tools/demo_image/server/http_server.hpp"
#include "tools/demo_image/server/identity_page.hpp"
#include "tools/demo_image/server/session_page.hpp"
#include "tools/demo_image/server/warm_up.hpp"

namespace platen::demo {
namespace {

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value ? value : otherwise;
}

// The write returns in the clone, or with an error in an instance that is not to become a
// template.
bool become_template(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool written = file >= 0 && ::write(file, "1", 1) == 1;
  const int error = errno;
  if (file >= 0) ::close(file);
  if (written)
    std::printf("going on as a clone\n");
  else
    std::printf("going on as an ordinary instance (%s: %s)\n", path.c_str(), std::strerror(error));
  return written;
}

[[noreturn]] void run() {
  const auto warm_up_ms = std::strtoul(setting("DEMO_WARM_UP_MS", "6000").c_str(), nullptr, 10);
  const auto port = std::strtoul(setting("DEMO_PORT", "8080").c_str(), nullptr, 10);
  const std::string session = setting("DEMO_SESSION", "/mnt/session");
  const std::string signal = setting("DEMO_SIGNAL", "/uk/libukp/template_instance");

  const warm_up_result warmth = warm_up(std::chrono::milliseconds(warm_up_ms));
  // Before the signal, so that a clone is reachable from its first moment.
  http_server server(static_cast<std::uint16_t>(port));
  std::printf("listening on port %d\n", server.port());
  const bool is_clone = become_template(signal);
  server.serve([&](std::string_view path) -> response {
    if (path == "/")
      return {200, "text/html; charset=utf-8", session_page(session, warmth, is_clone)};
    if (path == "/id") return {200, "application/json", identity_document(is_clone)};
    return {404, "text/plain; charset=utf-8", "there is / and /id\n"};
  });
}

}  // namespace
}  // namespace platen::demo

int main() {
  // Progress must be seen while it happens, also through a pipe.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  platen::demo::run();
}
