// A real QEMU around the guest bundle, as a test drives it: one agent socket, one QMP socket.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "hypervisor/guest/frame.hpp"

namespace platen::test {

namespace fs = std::filesystem;
namespace wire = guest::wire;
using namespace std::chrono_literals;

// Everything a VM needs besides the bundle.
struct vm_options {
  fs::path folder;            // for sockets and logs; made by the VM
  fs::path root_disk;         // qcow2
  fs::path rom_drive;         // raw
  fs::path memory;            // the file behind the guest's memory; empty: it has none
  std::string load_snapshot;  // a name given to savevm, in root_disk; empty: it boots
  bool clone = false;         // memory is private, and the state comes from elsewhere
  unsigned memory_mb = 128;
  std::uint16_t host_port = 0;  // loopback, forwarded to the guest's 8080; 0: none
};

// A folder in the system's temporary folder that goes away with this object.
class scratch_folder {
 public:
  scratch_folder();
  ~scratch_folder();
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// A root disk whose /bin is busybox; `files` are paths in it and their bytes.
struct image_file {
  std::string path;
  std::string bytes;
};
void make_root_disk(const fs::path& raw, const fs::path& work,
                    const std::vector<image_file>& files);
void make_overlay(const fs::path& overlay, const fs::path& backing, const std::string& format);
// A drive of 16 MiB zeros, with an EROFS image of `files` at each of the given offsets.
std::uint64_t make_erofs(const fs::path& image, const fs::path& work,
                         const std::vector<image_file>& files);
void make_rom_drive(const fs::path& drive);
void copy_into(const fs::path& drive, const fs::path& image, std::uint64_t offset);

void run(const std::vector<std::string>& command);
std::string read_all(const fs::path& file);
std::string http_get(std::uint16_t port, const std::string& path);

class vm {
 public:
  explicit vm(vm_options options);
  ~vm();
  vm(const vm&) = delete;
  vm& operator=(const vm&) = delete;

  nlohmann::json qmp(const std::string& command, const nlohmann::json& arguments = {},
                     int passed_fd = -1);
  void await_qmp_event(const std::function<bool(const nlohmann::json&)>& wanted);

  // A new connection to the agent's socket, as by a new daemon. The old one is closed.
  void connect_agent();
  void disconnect_agent();
  void send_bytes(const std::vector<std::uint8_t>& bytes);
  template <typename Body>
  void send(Body body) {
    send_bytes(guest::encode_body(std::move(body)).value());
  }

  // The next message that is a Body; others are dropped. Throws with the console's tail when it
  // does not come in time.
  template <typename Body>
  guest::verified_message expect(std::chrono::milliseconds patience = 150s) {
    for (;;) {
      auto message = next_message(patience);
      if (!message)
        give_up(std::string("the agent sent no ") +
                wire::EnumNameBody(wire::BodyTraits<Body>::enum_value));
      if (message->template as<Body>() != nullptr) return std::move(*message);
    }
  }
  std::optional<guest::verified_message> next_message(std::chrono::milliseconds patience);

  // Lets the write of that signal fail.
  void refuse(std::uint32_t number);

  // Hello and its Welcome.
  guest::verified_message greet(std::uint64_t nonce);

  // The output up to and including `text`.
  std::string await_output(const std::string& text, std::chrono::milliseconds patience = 150s);
  std::string output() const { return read_all(options_.folder / "output.log"); }
  std::string console() const { return read_all(options_.folder / "console.log"); }

  int await_exit(std::chrono::milliseconds patience = 60s);
  double cpu_seconds() const;
  int pid() const { return pid_; }

  // Stops the VM, writes its state, and ends it.
  void snapshot(const fs::path& state);
  // Loads the state into this clone and lets it run.
  void restore(const fs::path& state);

 private:
  nlohmann::json next_qmp_line();
  [[noreturn]] void give_up(const std::string& what);

  vm_options options_;
  int pid_ = -1;
  int exit_watch_ = -1;
  int qmp_ = -1;
  int agent_ = -1;
  std::string qmp_text_;
  std::deque<nlohmann::json> qmp_events_;
  guest::frame_decoder decoder_;
  std::deque<guest::verified_message> messages_;
};

}  // namespace platen::test
