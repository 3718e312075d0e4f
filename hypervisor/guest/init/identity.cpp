#include "hypervisor/guest/init/identity.hpp"

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cstring>
#include <vector>

#include "hypervisor/guest/init/root.hpp"

namespace platen::guest {
namespace {

const std::string own_folder = "/run/platen";
const std::string hosts_begin =
    "# written by platen-init\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n";

// Writes a file of ours, which stays the same one.
status write_own(const std::string& name, const std::string& bytes) {
  if (auto made = make_folders(own_folder); !made) return made;
  const std::string path = own_folder + "/" + name;
  const owned_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444));
  if (!file.is_open()) return errno_error("cannot open " + path);
  if (::pwrite(file.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) ||
      ::ftruncate(file.get(), static_cast<off_t>(bytes.size())) != 0)
    return errno_error("cannot write " + path);
  return {};
}

// Shows the bytes at `target` by a file of ours bound over it; a later call changes what is seen
// without a second mount.
status show_at(const std::string& target, const std::string& name, const std::string& bytes) {
  const std::string source = own_folder + "/" + name;
  struct stat found {};
  const bool bound = ::stat(source.c_str(), &found) == 0;
  if (auto written = write_own(name, bytes); !written || bound) return written;
  return mount_at(source.c_str(), target, nullptr, MS_BIND);
}

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

status set_machine_id(const std::string& id) {
  const std::string path = "/etc/machine-id";
  if (auto replaced = replace_file(path, id + "\n", 0444); replaced) return {};
  return show_at(path, "machine-id", id + "\n");
}

status write_hosts(const std::string& hostname) {
  const auto present = read_file("/etc/hosts", 65536);
  if (present && !present->empty() && !present->starts_with(hosts_begin)) return {};
  const std::string line = hostname.empty() ? "" : "10.0.2.15\t" + hostname + "\n";
  return replace_file("/etc/hosts", hosts_begin + line);
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

status set_names(const names& wanted) {
  if (!wanted.hostname.empty()) {
    if (::sethostname(wanted.hostname.data(), wanted.hostname.size()) != 0)
      return errno_error("cannot set the host name " + wanted.hostname);
    if (auto done = replace_file("/etc/hostname", wanted.hostname + "\n"); !done) return done;
    if (auto done = write_hosts(wanted.hostname); !done) return done;
  }
  if (!wanted.machine_id.empty()) {
    if (auto done = set_machine_id(wanted.machine_id); !done) return done;
  }
  if (wanted.boot_id.empty()) return {};
  return show_at("/proc/sys/kernel/random/boot_id", "boot-id", wanted.boot_id + "\n");
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
  return write_own("generation_id", id.empty() ? "" : id + "\n");
}

status provide_network_files() {
  if (auto made = make_folders("/etc"); !made) return made;
  if (auto done = write_hosts(""); !done) return done;
  const auto resolver = read_file("/etc/resolv.conf", 65536);
  if (resolver && resolver->find("nameserver") != std::string::npos) return {};
  return replace_file("/etc/resolv.conf", "nameserver 10.0.2.3\n");
}

}  // namespace platen::guest
