#include "driver_world.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>

#include "hypervisor/qemu/vm_files.hpp"

namespace platen::test {

namespace {

constexpr auto image_name = "test/web:v1";

fs::path fresh_folder() {
  std::string pattern = (fs::temp_directory_path() / "platen-qemu-test-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

void write_script(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
  fs::permissions(path, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
}

// Busybox and a page that tells the host name at the moment it is asked.
void make_root_file_system(const fs::path& root) {
  for (const auto* name : {"bin", "proc", "dev", "sys", "tmp", "etc", "uk", "www/cgi-bin"})
    fs::create_directories(root / name);
  fs::copy_file("/bin/busybox", root / "bin/busybox");
  fs::copy_file(PLATEN_CLONE_WITNESS, root / "bin/clone_witness");
  for (const auto* applet : {"sh", "cat", "ls", "grep", "sleep"})
    fs::create_symlink("busybox", root / "bin" / applet);
  write_script(root / "www/cgi-bin/who",
               "#!/bin/sh\n/bin/busybox printf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
               "/bin/busybox hostname\n/bin/busybox cat /uk/libukp/generation_id\necho\n"
               "/bin/busybox cat /rom/greeting 2>/dev/null\n");
  // What a guest must keep in its sleep, and what only clones must have of their own.
  write_script(root / "www/cgi-bin/state",
               "#!/bin/sh\n/bin/busybox printf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
               "for line in time=$(/bin/busybox date +%s) count=$(/bin/busybox cat /tmp/count) "
               "hostname=$(/bin/busybox hostname) "
               "boot_id=$(/bin/busybox cat /proc/sys/kernel/random/boot_id) "
               "machine_id=$(/bin/busybox cat /etc/machine-id) "
               "random=$(/bin/busybox cat /proc/sys/kernel/random/uuid) "
               "rom=$(/bin/busybox cat /rom/greeting); do echo $line; done\n");
  write_script(root / "www/cgi-bin/signal",
               "#!/bin/sh\n/bin/busybox touch /tmp/signal\n"
               "/bin/busybox printf 'Content-Type: text/plain\\r\\n\\r\\nok\\n'\n");
}

fs::path bundle_folder() {
  const char* elsewhere = std::getenv("PLATEN_GUEST_BUNDLE");
  return elsewhere != nullptr ? elsewhere : PLATEN_GUEST_BUNDLE_DIR;
}

}  // namespace

void report_queue::push(report what) {
  const std::lock_guard lock(mutex_);
  reports_.push_back(std::move(what));
  arrived_.notify_all();
}

std::optional<report> report_queue::next(const vm_ref& vm, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  std::optional<report> found;
  arrived_.wait_for(lock, limit, [&] {
    for (auto it = reports_.begin(); it != reports_.end(); ++it) {
      if (it->vm != vm) continue;
      found = std::move(*it);
      reports_.erase(it);
      return true;
    }
    return false;
  });
  return found;
}

std::string describe(const report& what) {
  if (const auto* it = std::get_if<failed>(&what.what))
    return "failed at " + std::string(to_string(it->where)) + ": " + it->reason + "\n" +
           it->console_tail;
  if (const auto* it = std::get_if<exited>(&what.what))
    return "exited: " + it->reason + "\n" + it->console_tail;
  constexpr const char* names[] = {"booted", "cloned", "signalled", "snapshotted",
                                   "exited", "failed", "resumed",   "suspended"};
  return names[what.what.index()];
}

void driver_world::fail_test(const std::string& message) {
  INFO(message);
  REQUIRE(false);
  std::abort();
}

std::string driver_world::hypervisor_report_text(const report& what) {
  return describe(what);
}

driver_world::driver_world(adjustment adjust)
    : adjust_(std::move(adjust)), folder_(fresh_folder()) {
  import_limits limits;
  limits.free_bytes = 32 << 20;
  images_ = image_store::open(folder_ / "images", limits).value();
  roms_ = rom_store::open(folder_ / "roms").value();
  make_root_file_system(folder_ / "root");
  image_config config;
  config.entrypoint = {"/bin/sh", "-c"};
  config.env = {{"PATH", "/bin"}};
  const auto imported = images_->import(image_name, folder_ / "root", config);
  INFO((imported ? std::string{} : imported.error()));
  REQUIRE(imported);
  make_driver();
}

void driver_world::make_driver() {
  qemu_options options;
  options.data_dir = folder_ / "data";
  options.guest_bundle = bundle_folder();
  options.images = images_.get();
  options.roms = roms_.get();
  options.accelerator = accelerator_choice::tcg;
  options.log_bytes = log_bytes;
  if (adjust_) adjust_(options);
  driver_ = make_qemu_driver(options);
  reports_ = std::make_shared<report_queue>();
  auto started = driver_->start([queue = reports_](report what) { queue->push(std::move(what)); });
  INFO((started ? std::string{} : started.error()));
  REQUIRE(started);
  found_ = std::move(*started);
}

inventory driver_world::replace_driver() {
  driver_->shutdown();
  driver_.reset();
  make_driver();
  return found_;
}

driver_world::~driver_world() {
  driver_.reset();
  for (const auto& vm : fs::directory_iterator(folder_ / "data/vms"))
    qemu::end_leftover(vm.path());
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

boot_order driver_world::preparation(const std::string& id, const std::string& shell) const {
  auto order = instance(id, shell);
  order.why = purpose::template_preparation;
  return order;
}

boot_order driver_world::instance(const std::string& id, const std::string& shell) const {
  boot_order order;
  order.vm = {id, 1};
  order.spec.image = image_name;
  order.spec.args = {shell};
  order.spec.hostname = id;
  order.spec.guest_ports = {8080};
  return order;
}

clone_order driver_world::clone_of(const std::string& snapshot, const std::string& id) const {
  clone_order order;
  order.vm = {id, 1};
  order.snapshot_id = snapshot;
  order.hostname = id;
  order.guest_ports = {8080};
  return order;
}

std::string driver_world::web_server() {
  return "echo warming up; busybox httpd -p 8080 -h /www; "
         "echo 1 > /uk/libukp/template_instance; echo woke up; "
         "trap 'exit 7' TERM; while :; do busybox sleep 1000 & wait; done";
}

std::string driver_world::counting_server() {
  return "busybox httpd -p 8080 -h /www; echo serving; n=0; "
         "while :; do n=$((n+1)); echo $n > /tmp/count.new; busybox mv /tmp/count.new /tmp/count; "
         "if [ -e /tmp/signal ]; then busybox rm /tmp/signal; "
         "echo 1 > /uk/libukp/template_instance && echo woke up || echo was refused; fi; "
         "busybox usleep 200000; done";
}

std::string driver_world::output_with(const vm_ref& vm, const std::string& line) {
  std::string output;
  const auto end = std::chrono::steady_clock::now() + report_limit;
  while (output.find(line) == std::string::npos && std::chrono::steady_clock::now() < end) {
    output = driver_->read_log(vm, driver::log_kind::workload, 0, 65536).bytes;
    // The driver reports nothing when a line is written.
    if (output.find(line) == std::string::npos) silent(vm, std::chrono::milliseconds(100));
  }
  INFO(output);
  REQUIRE(output.find(line) != std::string::npos);
  return output;
}

void driver_world::await_removed(const vm_ref& vm) {
  const auto end = std::chrono::steady_clock::now() + report_limit;
  // The driver reports nothing when it has removed a VM.
  while (fs::exists(vm_folder(vm)) && std::chrono::steady_clock::now() < end)
    silent(vm, std::chrono::milliseconds(20));
  REQUIRE_FALSE(fs::exists(vm_folder(vm)));
}

snapshot_info driver_world::make_snapshot(const std::string& id) {
  const auto order = preparation("prep-" + id);
  driver_->boot(order);
  expect<booted>(order.vm);
  expect<signalled>(order.vm);
  driver_->snapshot({order.vm, id});
  return expect<snapshotted>(order.vm).snapshot;
}

fs::path driver_world::vm_folder(const vm_ref& vm) const {
  return folder_ / "data/vms" / (vm.id + "." + std::to_string(vm.attempt));
}

fs::path driver_world::snapshot_folder(const std::string& id) const {
  return folder_ / "data/templates" / id;
}

warm_pool_status driver_world::pool_with(
    const std::function<bool(const warm_pool_status&)>& wanted) {
  const auto end = std::chrono::steady_clock::now() + report_limit;
  auto status = driver_->warm_pool();
  while (!wanted(status) && std::chrono::steady_clock::now() < end) {
    // The driver reports nothing when the pool changes.
    silent({"nobody", 1}, std::chrono::milliseconds(20));
    status = driver_->warm_pool();
  }
  REQUIRE(wanted(status));
  return status;
}

void driver_world::await_warm(const std::string& snapshot) {
  pool_with([&](const warm_pool_status& pool) {
    for (const auto& one : pool.snapshots)
      if (one.snapshot_id == snapshot && one.ready > 0) return true;
    return false;
  });
}

std::string driver_world::put_image_rom(const std::string& greeting) {
  const auto root = folder_ / "rom-root";
  fs::create_directories(root);
  std::ofstream(root / "greeting") << greeting;
  const auto imported = images_->import("test/rom:v1", root, {});
  REQUIRE(imported);
  return roms_->put_image(*imported).value().digest;
}

std::map<std::string, std::string> state_of(const running_vm& vm) {
  REQUIRE(vm.ports.size() == 1);
  return page_at(vm.ports[0].host_port, "/cgi-bin/state");
}

std::map<std::string, std::string> page_at(std::uint16_t port, const std::string& path) {
  std::map<std::string, std::string> values{{"asked", std::to_string(std::time(nullptr))}};
  std::istringstream page(http_get(port, path));
  values["answered"] = std::to_string(std::time(nullptr));
  for (std::string line; std::getline(page, line);)
    values[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  return values;
}

bool clock_is_right(const std::map<std::string, std::string>& state) {
  const auto time = std::stoll(state.at("time"));
  return time >= std::stoll(state.at("asked")) - 1 && time <= std::stoll(state.at("answered")) + 1;
}

std::string http_get(std::uint16_t port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
      char chunk[4096];
      for (ssize_t n = 0; (n = ::recv(fd, chunk, sizeof chunk, 0)) > 0;)
        answer.append(chunk, static_cast<std::size_t>(n));
    }
  }
  ::close(fd);
  const auto body = answer.find("\r\n\r\n");
  return body == std::string::npos ? std::string{} : answer.substr(body + 4);
}

}  // namespace platen::test
