#include "hypervisor/guest/init/identity.hpp"

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <vector>

#include "hypervisor/guest/init/root.hpp"

namespace platen::guest {
namespace {

const std::string hosts_begin =
    "# written by platen-init\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n";

// The digits of a UUID without its dashes; empty if it is none.
std::string digits_of(const std::string& uuid) {
  std::string digits;
  for (const char c : uuid) {
    if (c == '-') continue;
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return {};
    digits += c;
  }
  return digits.size() == 32 ? digits : "";
}

// An image's own hosts file stays as it is.
bool is_ours(const std::string& hosts) {
  return hosts.empty() || hosts.starts_with(hosts_begin);
}

}  // namespace

status reseed_random(std::span<const std::uint8_t> entropy) {
  const owned_fd device(::open("/dev/urandom", O_RDWR | O_CLOEXEC));
  if (!device.is_open()) return errno_error("cannot open /dev/urandom");
  std::vector<std::uint32_t> words(2 + (entropy.size() + 3) / 4);
  words[0] = static_cast<std::uint32_t>(entropy.size() * 8);
  words[1] = static_cast<std::uint32_t>(entropy.size());
  std::memcpy(words.data() + 2, entropy.data(), entropy.size());
  if (::ioctl(device.get(), RNDADDENTROPY, words.data()) != 0)
    return errno_error("cannot add entropy");
  if (::ioctl(device.get(), RNDRESEEDCRNG) != 0)
    return errno_error("cannot reseed the random number generator");
  return {};
}

status shown_names::set(const names& wanted) {
  if (!wanted.hostname.empty()) {
    if (::sethostname(wanted.hostname.data(), wanted.hostname.size()) != 0)
      return errno_error("cannot set the host name " + wanted.hostname);
    if (auto done = hostname_.write(wanted.hostname + "\n"); !done) return done;
    if (auto done = write_hosts(wanted.hostname); !done) return done;
  }
  if (!wanted.machine_id.empty()) {
    if (auto done = machine_id_.write(wanted.machine_id + "\n"); !done) return done;
  }
  if (wanted.boot_id.empty()) return {};
  return boot_id_.write(wanted.boot_id + "\n");
}

status shown_names::write_hosts(const std::string& hostname) {
  const auto present = hosts_.is_shown() ? hosts_.content(hosts_begin.size())
                                         : read_file("/etc/hosts", 65536).value_or("");
  if (!is_ours(present)) return {};
  const std::string line = hostname.empty() ? "" : "10.0.2.15\t" + hostname + "\n";
  return hosts_.write(hosts_begin + line);
}

status shown_names::provide_network_files() {
  if (auto made = make_folders("/etc"); !made) return made;
  if (auto done = write_hosts(""); !done) return done;
  const auto resolver = read_file("/etc/resolv.conf", 65536);
  if (resolver && resolver->find("nameserver") != std::string::npos) return {};
  return replace_file("/etc/resolv.conf", "nameserver 10.0.2.3\n");
}

result<std::array<std::uint8_t, 6>> hardware_address_of(const std::string& uuid) {
  const auto digits = digits_of(uuid);
  if (digits.empty()) return error("\"" + uuid + "\" is no UUID");
  std::array<std::uint8_t, 6> address{0x02};
  for (std::size_t i = 1; i < address.size(); ++i)
    address[i] = static_cast<std::uint8_t>(std::stoul(digits.substr(20 + 2 * i, 2), nullptr, 16));
  return address;
}

status publish_generation(const std::string& id) {
  const auto path = std::string(own_folder) + "/generation_id";
  const auto open = [&] {
    return owned_fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444));
  };
  auto file = open();
  if (!file.is_open() && errno == ENOENT) {
    if (auto made = make_folders(own_folder); !made) return made;
    file = open();
  }
  if (!file.is_open()) return errno_error("cannot open " + path);
  const auto line = id.empty() ? "" : id + "\n";
  if (::pwrite(file.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()) ||
      ::ftruncate(file.get(), static_cast<off_t>(line.size())) != 0)
    return errno_error("cannot write " + path);
  return {};
}

}  // namespace platen::guest
