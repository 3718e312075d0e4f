#include "hypervisor/qemu/kvm_probe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "hypervisor/qemu/file.hpp"
#include "hypervisor/qemu/process.hpp"

namespace platen::hypervisor::qemu {

namespace {

using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds probe_limit{8};
constexpr std::uint64_t small_file_limit = 64 << 10;
constexpr std::string_view kernel_banner = "Linux version";

std::string boot_id() {
  return read_file("/proc/sys/kernel/random/boot_id", small_file_limit).value_or(std::string{});
}

struct pipe_ends {
  unique_fd read;
  unique_fd write;
};

pipe_ends make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  return {unique_fd(ends[0]), unique_fd(ends[1])};
}

// Whether the banner arrives before the deadline or the end of the output.
bool banner_appears(int output) {
  const auto end = clock::now() + probe_limit;
  std::string text;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - clock::now());
    pollfd readable{output, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0)
      return false;
    char chunk[4096];
    const auto n = ::read(output, chunk, sizeof chunk);
    if (n <= 0) return false;
    text.append(chunk, static_cast<std::size_t>(n));
    if (text.find(kernel_banner) != std::string::npos) return true;
    if (text.size() > small_file_limit) return false;
  }
}

kvm_verdict run_probe(const std::string& qemu_binary, const guest_bundle& bundle) {
  auto output = make_pipe();
  if (!output.read) return {false, "the KVM probe could not make a pipe"};
  spawn_request request;
  request.argv = {qemu_binary,
                  "-machine",
                  "microvm,accel=kvm,isa-serial=on",
                  "-cpu",
                  "host",
                  "-m",
                  "128",
                  "-nodefaults",
                  "-no-user-config",
                  "-display",
                  "none",
                  "-no-reboot",
                  "-kernel",
                  bundle.kernel.string(),
                  "-append",
                  "console=ttyS0 earlyprintk=serial panic=-1 reboot=t",
                  "-serial",
                  "stdio"};
  request.working_directory = "/";
  request.output_fd = output.write.get();
  const auto guest = process::spawn(request);
  if (!guest) return {false, guest.error()};
  output.write = unique_fd();
  const bool runs = banner_appears(output.read.get());
  guest->signal(SIGKILL);
  pollfd gone{guest->pidfd(), POLLIN, 0};
  ::poll(&gone, 1, -1);
  guest->collect();
  if (runs) return {true, "a probe guest booted under KVM"};
  return {false, "a probe guest did not boot under KVM within 8 s"};
}

}  // namespace

kvm_verdict probe_kvm(const std::string& qemu_binary, const guest_bundle& bundle,
                      const std::filesystem::path& cache_file) {
  if (!open_file("/dev/kvm", O_RDWR)) return {false, "/dev/kvm cannot be opened"};
  if (std::filesystem::exists("/sys/module/kvm_pvm"))
    return {false, "the kvm_pvm module cannot run a stock kernel"};
  const auto this_boot = boot_id();
  const auto cached =
      json::parse(read_file(cache_file, small_file_limit).value_or(std::string{}), nullptr, false);
  if (cached.is_object() && cached.value("boot_id", std::string{}) == this_boot)
    return {cached.value("usable", false), cached.value("reason", std::string{})};
  const auto verdict = run_probe(qemu_binary, bundle);
  const json kept = {
      {"boot_id", this_boot}, {"usable", verdict.usable}, {"reason", verdict.reason}};
  static_cast<void>(replace_file(cache_file, kept.dump(), false));
  return verdict;
}

}  // namespace platen::hypervisor::qemu
