#include "hypervisor/guest/init/libukp.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "hypervisor/guest/init/root.hpp"

namespace platen::guest {
namespace {

constexpr char mount_point[] = "/uk/libukp";
constexpr std::uint32_t max_write = 4096;

// The kernel locks an inode while it writes to it. A held write must not keep others from the file,
// so each look-up of a name gives a node of its own; the last two bits say which file it is.
enum kind : std::uint64_t { folder = FUSE_ROOT_ID, template_instance = 2, generation_id = 3 };
constexpr std::uint64_t kind_mask = 3;

struct file_entry {
  std::string_view name;
  kind id;
  std::uint32_t mode;
};
constexpr std::array files{file_entry{"template_instance", template_instance, S_IFREG | 0666},
                           file_entry{"generation_id", generation_id, S_IFREG | 0444}};

template <typename T>
T read_as(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// A process that is going to die shall not be kept by its write; one that merely runs a signal
// handler shall not see its write fail. The kernel marks a dying thread with a pending SIGKILL.
bool is_dying(std::uint32_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/status", 8192);
  if (!text) return true;
  const auto line = text->find("\nSigPnd:");
  if (line == std::string::npos) return true;
  const auto pending = std::strtoull(text->c_str() + line + 8, nullptr, 16);
  return (pending & (1ull << (SIGKILL - 1))) != 0;
}

}  // namespace

result<libukp> libukp::mount(on_write callback) {
  owned_fd device(::open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!device.is_open()) return errno_error("cannot open /dev/fuse");
  if (auto made = make_folders(mount_point); !made) return tl::unexpected(made.error());
  const std::string options =
      "fd=" + std::to_string(device.get()) +
      ",rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions";
  auto mounted = mount_at("libukp", mount_point, "fuse", MS_NOSUID | MS_NODEV, options.c_str());
  if (!mounted) return tl::unexpected(mounted.error());
  return libukp(std::move(device), std::move(callback));
}

void libukp::serve() {
  alignas(8) std::array<char, 16384> buffer;
  for (;;) {
    const auto size = ::read(device_.get(), buffer.data(), buffer.size());
    if (size < 0 && (errno == EINTR || errno == ENOENT)) continue;
    if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) return;
    answer(read_as<fuse_in_header>(buffer.data()), buffer.data() + sizeof(fuse_in_header));
  }
}

void libukp::answer(const fuse_in_header& request, const char* body) {
  const auto unique = request.unique;
  switch (request.opcode) {
    case FUSE_INIT:
      return answer_init(unique, read_as<fuse_init_in>(body));
    case FUSE_LOOKUP:
      return answer_lookup(unique, body);
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
      // "echo 1 > file" truncates before it writes; there is nothing to truncate.
      fuse_attr_out out{};
      out.attr = attributes(request.nodeid);
      return reply(unique, 0, bytes_of(out));
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
      fuse_open_out out{};
      if (request.opcode == FUSE_OPEN) out.open_flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH;
      return reply(unique, 0, bytes_of(out));
    }
    case FUSE_READ:
      return answer_read(request, read_as<fuse_read_in>(body));
    case FUSE_READDIR:
      return answer_folder(unique, read_as<fuse_read_in>(body));
    case FUSE_WRITE:
      return answer_write(request, read_as<fuse_write_in>(body));
    case FUSE_INTERRUPT:
      return interrupt(read_as<fuse_interrupt_in>(body).unique);
    case FUSE_STATFS: {
      fuse_statfs_out out{};
      out.st.namelen = 255;
      out.st.bsize = max_write;
      return reply(unique, 0, bytes_of(out));
    }
    case FUSE_FLUSH:
    case FUSE_FSYNC:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
      return reply(unique, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
      return;
    default:
      return reply(unique, ENOSYS);
  }
}

void libukp::answer_init(std::uint64_t unique, const fuse_init_in& wanted) {
  fuse_init_out out{};
  out.major = FUSE_KERNEL_VERSION;
  out.minor = std::min<std::uint32_t>(wanted.minor, FUSE_KERNEL_MINOR_VERSION);
  out.max_readahead = 0;
  out.flags = wanted.flags & FUSE_ATOMIC_O_TRUNC;
  out.max_background = 16;
  out.congestion_threshold = 12;
  out.max_write = max_write;
  out.time_gran = 1;
  reply(unique, 0, bytes_of(out));
}

void libukp::answer_lookup(std::uint64_t unique, std::string_view name) {
  for (const auto& file : files) {
    if (file.name != name) continue;
    fuse_entry_out out{};
    last_node_ += kind_mask + 1;
    out.nodeid = last_node_ | file.id;
    out.attr = attributes(out.nodeid);
    return reply(unique, 0, bytes_of(out));
  }
  reply(unique, ENOENT);
}

void libukp::answer_folder(std::uint64_t unique, const fuse_read_in& wanted) {
  std::string out;
  for (std::uint64_t at = wanted.offset; at < files.size(); ++at) {
    fuse_dirent entry{};
    entry.ino = files[at].id;
    entry.off = at + 1;
    entry.namelen = static_cast<std::uint32_t>(files[at].name.size());
    entry.type = S_IFREG >> 12;
    std::string bytes(FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + entry.namelen), '\0');
    std::memcpy(bytes.data(), &entry, FUSE_NAME_OFFSET);
    files[at].name.copy(bytes.data() + FUSE_NAME_OFFSET, entry.namelen);
    if (out.size() + bytes.size() > wanted.size) break;
    out += bytes;
  }
  reply(unique, 0, out);
}

void libukp::answer_read(const fuse_in_header& request, const fuse_read_in& wanted) {
  const std::string bytes = content(request.nodeid);
  const auto begin = std::min<std::uint64_t>(wanted.offset, bytes.size());
  reply(request.unique, 0, std::string_view(bytes).substr(begin, wanted.size));
}

void libukp::answer_write(const fuse_in_header& request, const fuse_write_in& written) {
  if ((request.nodeid & kind_mask) != template_instance) return reply(request.unique, EACCES);
  if (held_.size() >= held_writes_limit) return reply(request.unique, EAGAIN);
  held_.push_back({request.unique, written.size, request.pid});
  if (!on_write_()) {
    held_.pop_back();
    reply(request.unique, EOPNOTSUPP);
  }
}

void libukp::interrupt(std::uint64_t unique) {
  const auto write = std::ranges::find(held_, unique, &held_write::unique);
  if (write == held_.end() || !is_dying(write->pid)) return;
  held_.erase(write);
  reply(unique, EINTR);
}

void libukp::answer_writes(int error) {
  for (const auto& write : std::exchange(held_, {})) {
    const fuse_write_out out{write.size, 0};
    if (error != 0)
      reply(write.unique, error);
    else
      reply(write.unique, 0, bytes_of(out));
  }
}

fuse_attr libukp::attributes(std::uint64_t node) const {
  fuse_attr out{};
  out.ino = node & kind_mask;
  out.nlink = 1;
  out.blksize = max_write;
  out.mode = S_IFDIR | 0555;
  for (const auto& file : files) {
    if (file.id == (node & kind_mask)) out.mode = file.mode;
  }
  out.size = content(node).size();
  return out;
}

std::string libukp::content(std::uint64_t node) const {
  const auto file = node & kind_mask;
  if (file == template_instance) return "0\n";
  if (file == generation_id && !generation_id_.empty()) return generation_id_ + "\n";
  return {};
}

void libukp::reply(std::uint64_t unique, int error, std::string_view body) {
  if (error != 0) body = {};
  fuse_out_header header{};
  header.unique = unique;
  header.error = -error;
  header.len = static_cast<std::uint32_t>(sizeof header + body.size());
  const std::string bytes = std::string(bytes_of(header)).append(body);
  // The kernel takes a reply whole or not at all; it refuses one whose asker has gone meanwhile.
  [[maybe_unused]] const auto written = ::write(device_.get(), bytes.data(), bytes.size());
}

}  // namespace platen::guest
