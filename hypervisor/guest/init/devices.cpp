#include "hypervisor/guest/init/devices.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

namespace platen::guest {
namespace {

std::vector<std::string> names_in(const std::string& folder) {
  struct closer {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  std::vector<std::string> names;
  const std::unique_ptr<DIR, closer> dir(::opendir(folder.c_str()));
  while (dir != nullptr) {
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::ranges::sort(names);
  return names;
}

std::string first_line(const std::string& path) {
  const auto bytes = read_file(path, 256);
  return bytes ? bytes->substr(0, bytes->find('\n')) : std::string();
}

status load_module(const std::string& path) {
  const owned_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return errno_error("cannot open " + path);
  if (::syscall(SYS_finit_module, file.get(), "", 0) != 0 && errno != EEXIST)
    return errno_error("cannot load " + path);
  return {};
}

std::optional<std::string> find_port(const std::string& name) {
  for (const auto& port : names_in("/sys/class/virtio-ports")) {
    if (first_line("/sys/class/virtio-ports/" + port + "/name") == name) return "/dev/" + port;
  }
  return std::nullopt;
}

sockaddr ipv4(const char* text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, text, &address.sin_addr);
  sockaddr generic{};
  std::memcpy(&generic, &address, sizeof generic);
  return generic;
}

class interface {
 public:
  interface(int socket, const std::string& name) : socket_(socket), name_(name) {
    name.copy(request_.ifr_name, IFNAMSIZ - 1);
  }

  status set_address(const char* address, const char* netmask) {
    request_.ifr_addr = ipv4(address);
    if (::ioctl(socket_, SIOCSIFADDR, &request_) != 0) return failed("give an address to");
    request_.ifr_netmask = ipv4(netmask);
    if (::ioctl(socket_, SIOCSIFNETMASK, &request_) != 0) return failed("give a netmask to");
    return {};
  }

  status up() {
    if (::ioctl(socket_, SIOCGIFFLAGS, &request_) != 0) return failed("ask for the flags of");
    request_.ifr_flags |= IFF_UP | IFF_RUNNING;
    if (::ioctl(socket_, SIOCSIFFLAGS, &request_) != 0) return failed("bring up");
    return {};
  }

  status set_hardware_address(const hardware_address& address) {
    request_.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::ranges::copy(address, request_.ifr_hwaddr.sa_data);
    if (::ioctl(socket_, SIOCSIFHWADDR, &request_) != 0) return failed("give a MAC address to");
    return {};
  }

 private:
  status failed(const std::string& what) const {
    return errno_error("cannot " + what + " " + name_);
  }

  int socket_;
  std::string name_;
  ifreq request_{};
};

std::optional<std::string> find_card() {
  for (auto& name : names_in("/sys/class/net"))
    if (name != "lo") return std::move(name);
  return std::nullopt;
}

// The first interface that is not lo. Machines keep theirs, so a clone need not look for it.
const std::optional<std::string>& card_name() {
  static const auto name = find_card();
  return name;
}

status write_file(const std::string& path, std::string_view bytes) {
  const owned_fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open()) return errno_error("cannot open " + path);
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return errno_error("cannot write " + path);
  return {};
}

status add_default_route(int socket, const char* gateway) {
  rtentry route{};
  route.rt_dst = ipv4("0.0.0.0");
  route.rt_genmask = ipv4("0.0.0.0");
  route.rt_gateway = ipv4(gateway);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  if (::ioctl(socket, SIOCADDRT, &route) != 0 && errno != EEXIST)
    return errno_error("cannot add the default route");
  return {};
}

}  // namespace

status load_modules() {
  const auto order = read_file("/modules/order");
  if (!order) return tl::unexpected(order.error());
  std::istringstream names(*order);
  for (std::string name; std::getline(names, name);) {
    if (auto loaded = load_module("/modules/" + name); !loaded) return loaded;
  }
  return {};
}

result<std::string> find_disk(const std::string& serial) {
  for (const auto& disk : names_in("/sys/block")) {
    if (disk.starts_with("vd") && first_line("/sys/block/" + disk + "/serial") == serial)
      return "/dev/" + disk;
  }
  return tl::unexpected("no disk has the serial " + serial + "; the machine must have one");
}

result<std::string> await_port(const std::string& name) {
  const owned_fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  ::inotify_add_watch(watch.get(), "/dev", IN_CREATE);
  const auto deadline = clock::now() + std::chrono::seconds(10);
  for (;;) {
    if (auto port = find_port(name)) return *port;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) return tl::unexpected("no virtio-serial port is named " + name);
    pollfd wait{watch.get(), POLLIN, 0};
    // The name's file can appear a moment after the node, hence the upper bound of a single wait.
    ::poll(&wait, 1, static_cast<int>(std::min<long long>(left, 200)));
    char events[1024];
    while (::read(watch.get(), events, sizeof events) > 0) {
    }
  }
}

status configure_network() {
  const owned_fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (auto up = interface(socket.get(), "lo").up(); !up) return up;
  const auto name = card_name();
  if (!name) return {};
  // The kernel then announces a changed hardware address by itself.
  if (auto done = write_file("/proc/sys/net/ipv4/conf/" + *name + "/arp_notify", "1"); !done)
    return done;
  interface card(socket.get(), *name);
  if (auto done = card.set_address("10.0.2.15", "255.255.255.0"); !done) return done;
  if (auto done = card.up(); !done) return done;
  return add_default_route(socket.get(), "10.0.2.2");
}

status set_hardware_address(const hardware_address& address) {
  const auto name = card_name();
  if (!name) return {};
  const owned_fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return interface(socket.get(), *name).set_hardware_address(address);
}

}  // namespace platen::guest
