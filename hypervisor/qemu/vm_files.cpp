#include "hypervisor/qemu/vm_files.hpp"

#include <poll.h>
#include <signal.h>

#include "hypervisor/qemu/command_line.hpp"
#include "hypervisor/qemu/console_text.hpp"

namespace platen::hypervisor::qemu {

namespace {

namespace fs = std::filesystem;

constexpr int kill_limit_ms = 30'000;

}  // namespace

stage stage_of_start(vm_origin origin) {
  if (origin == vm_origin::booted) return stage::boot;
  return origin == vm_origin::cloned ? stage::clone : stage::resume;
}

fs::path vm_directory(const vm_host& host, const vm_ref& vm) {
  return host.vms / directory_name(vm);
}

void end_leftover_process(const fs::path& directory) {
  const auto ref = parse_directory_name(directory.filename().string());
  if (!ref) return;
  // Without a record that can be read, the process is still known by its name and place.
  auto record = read_record(directory).value_or(vm_record{});
  record.vm = *ref;
  if (const auto qemu = find_process(directory, record)) {
    qemu->signal(SIGKILL);
    pollfd gone{qemu->pidfd(), POLLIN, 0};
    ::poll(&gone, 1, kill_limit_ms);
    qemu->collect();
  }
}

void end_leftover(const fs::path& directory) {
  end_leftover_process(directory);
  std::error_code ignored;
  fs::remove_all(directory, ignored);
}

std::string console_tail(const fs::path& directory) {
  const auto tail = clean_text(file_tail(directory / console_log_name, console_tail_bytes));
  if (!tail.empty()) return tail;
  return clean_text(file_tail(directory / qemu_log_name, console_tail_bytes));
}

std::string last_output(const fs::path& directory) {
  const auto output = clean_text(file_tail(directory / output_log_name, console_tail_bytes / 2));
  auto console = console_tail(directory);
  const auto room = console_tail_bytes - output.size();
  if (console.size() > room) console.erase(0, console.size() - room);
  if (!console.empty() && console.back() != '\n') console += '\n';
  return console + output;
}

std::string last_qemu_message(const fs::path& directory) {
  auto tail = clean_text(file_tail(directory / qemu_log_name, 1024));
  while (!tail.empty() && tail.back() == '\n')
    tail.pop_back();
  const auto line = tail.rfind('\n');
  return line == std::string::npos ? tail : tail.substr(line + 1);
}

}  // namespace platen::hypervisor::qemu
