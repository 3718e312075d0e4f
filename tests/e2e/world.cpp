#include "tests/e2e/world.hpp"

#include <httplib.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <set>

#include "tools/common/defaults.hpp"

namespace platen::tests {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::chrono::seconds patience = 180s;

const std::string binaries = PLATEN_BINARY_DIR;

std::string address_in(const std::string& line) {
  const auto begin = line.find("http://");
  return line.substr(begin, line.find(',', begin) - begin);
}

json only_item(const cli::result<cli::reply>& answer, const std::string& list) {
  if (!answer) FAIL(answer.error().message);
  const auto items = answer->items(list);
  REQUIRE(items.size() == 1);
  return items.front();
}

// A VM's directory is named after its entity and the attempt: "<uuid>.<attempt>".
std::string owner_of(const std::string& directory) {
  return directory.substr(0, directory.rfind('.'));
}

// Ends a request that never ends by itself once the time is up.
class watchdog {
 public:
  explicit watchdog(cli::client& watched)
      : thread_([this, &watched] {
          std::unique_lock lock(mutex_);
          if (!done_.wait_for(lock, patience, [this] { return over_; })) watched.stop();
        }) {}
  ~watchdog() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    done_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace

// ---- the daemon
// ------------------------------------------------------------------------------------

world::world(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

world::~world() {
  daemon_.reset();
  // A daemon that was killed leaves both behind, for the next one.
  for (const auto& left : {vm_processes(), pool_processes()})
    for (const auto pid : left)
      kill(pid, SIGKILL);
}

void world::start_daemon() {
  if (!start_daemon_with({})) FAIL("platend did not start:\n" << daemon_->output());
}

bool world::start_daemon_with(const variables& environment) {
  auto argv = launcher_;
  argv.insert(argv.end(),
              {binaries + "/platend", "--data", data().string(), "--listen", "127.0.0.1:0"});
  argv.insert(argv.end(), arguments_.begin(), arguments_.end());
  daemon_ = std::make_unique<program>(argv, environment);
  const auto line = daemon_->line_with("listens on http://", patience);
  if (line) url_ = address_in(*line);
  return line.has_value();
}

int world::wait_for_daemon_to_end() {
  return daemon_->wait();
}

void world::kill_daemon() {
  daemon_->signal(SIGKILL);
  CHECK(daemon_->wait() == -SIGKILL);
  daemon_.reset();
}

std::chrono::milliseconds world::stop_daemon() {
  const auto begin = std::chrono::steady_clock::now();
  daemon_->signal(SIGTERM);
  const int code = daemon_->wait();
  const auto took = std::chrono::steady_clock::now() - begin;
  INFO(daemon_->output());
  CHECK(code == 0);
  daemon_.reset();
  return std::chrono::duration_cast<std::chrono::milliseconds>(took);
}

// ---- asking it
// -------------------------------------------------------------------------------------

cli::endpoint world::where() const {
  std::string token;
  std::ifstream(tools::token_path(data())) >> token;
  return {url_, token};
}

cli::client world::api() const {
  auto made = cli::client::connect(where());
  REQUIRE(made.has_value());
  return *std::move(made);
}

finished world::platen(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), binaries + "/platen");
  const auto to = where();
  return run(arguments, {{"PLATEN_URL", to.url}, {"PLATEN_TOKEN", to.token}});
}

json world::platen_json(std::vector<std::string> arguments) const {
  arguments.emplace_back("--json");
  const auto result = platen(std::move(arguments));
  INFO(result.err);
  REQUIRE(result.code == 0);
  return json::parse(result.out);
}

json world::create(const json& body) const {
  return only_item(api().send(cli::method::post, "/v1/instances", {}, body), "instances");
}

json world::instance(const std::string& name) const {
  return only_item(api().send(cli::method::get, "/v1/instances", {{"name", name}}), "instances");
}

json world::vm_template(const std::string& name) const {
  return only_item(api().send(cli::method::get, "/v1/instances/templates", {{"name", name}}),
                   "instances");
}

json world::wait_until_running(const std::string& name) const {
  const auto uuid = instance(name).at("uuid").get<std::string>();
  const auto waited = api().send(cli::method::get, "/v1/instances/" + uuid + "/wait",
                                 {{"state", "running"}, {"timeout_s", "180"}});
  INFO(only_item(waited, "instances").dump(2));
  const auto now = instance(name);
  INFO(now.dump(2));
  REQUIRE(now.value("lifecycle", "") == "running");
  return now;
}

std::vector<json> world::events() const {
  std::vector<json> all;
  const auto read = api().lines("/v1/events", {}, [&](const std::string& line) {
    all.push_back(json::parse(line));
    return true;
  });
  if (!read) FAIL(read.error().message);
  return all;
}

std::size_t world::count_events(const std::string& type) const {
  const auto all = events();
  return static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [&](const json& event) { return event["type"] == type; }));
}

json world::await_event(const event_predicate& is_it, std::uint64_t after) const {
  std::optional<json> found;
  auto following = api();
  const watchdog limit(following);
  const auto read =
      following.lines("/v1/events", {{"after", std::to_string(after)}, {"follow", "true"}},
                      [&](const std::string& line) {
                        auto event = json::parse(line);
                        if (is_it(event)) found = std::move(event);
                        return !found;
                      });
  INFO(daemon_->output());
  REQUIRE(found.has_value());
  return *found;
}

json world::await_event(const std::string& type, std::uint64_t after) const {
  INFO("waiting for " << type);
  return await_event([&](const json& event) { return event["type"] == type; }, after);
}

// ---- looking around
// --------------------------------------------------------------------------------

std::vector<pid_t> world::vm_processes() const {
  return qemu_processes(false);
}

std::vector<pid_t> world::pool_processes() const {
  return qemu_processes(true);
}

std::vector<pid_t> world::qemu_processes(bool of_the_pool) const {
  std::vector<pid_t> found;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (daemon_ && std::stoi(name) == daemon_->pid()) continue;
    const auto works_in = fs::read_symlink(entry.path() / "cwd", gone).string();
    const auto arguments = content_of(entry.path() / "cmdline");
    const bool is_vm = arguments.rfind("qemu-", 0) == 0 || arguments.find("/qemu-") < 64;
    const bool is_kept_ready = works_in.rfind((data() / "pool").string(), 0) == 0;
    if (is_vm && is_kept_ready == of_the_pool &&
        (works_in + arguments).find(data().string()) != std::string::npos)
      found.push_back(std::stoi(name));
  }
  return found;
}

bool world::all_vms_end() const {
  const auto pids = vm_processes();
  return std::all_of(pids.begin(), pids.end(), [](pid_t pid) {
    const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (process < 0) return true;
    pollfd ended{process, POLLIN, 0};
    const bool in_time = poll(&ended, 1, 30'000) == 1;
    close(process);
    return in_time;
  });
}

std::vector<std::string> world::vm_directories() const {
  std::vector<std::string> names;
  if (fs::exists(data() / "vms"))
    for (const auto& entry : fs::directory_iterator(data() / "vms"))
      names.push_back(entry.path().filename().string());
  return names;
}

void world::require_chain_unbroken() const {
  const auto result = platen({"verify", "--data", data().string()});
  INFO(result.out << result.err);
  REQUIRE(result.code == 0);
}

void world::require_everything_owned() const {
  std::set<std::string> known;
  std::set<std::string> with_vm;  // whose state allows a process
  for (const auto* group : {"instance", "template"})
    for (const auto& entity : platen_json({group, "ls"})) {
      const auto uuid = entity.at("uuid").get<std::string>();
      known.insert(uuid);
      const auto state = entity.at("state").get<std::string>();
      if (state == "starting" || state == "running" || state == "stopping") with_vm.insert(uuid);
    }
  for (const auto& name : vm_directories()) {
    INFO("VM directory " << name);
    CHECK(known.count(owner_of(name)) == 1);
  }
  for (const auto pid : vm_processes()) {
    const auto directory = fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd");
    INFO("process " << pid << " in " << directory.string());
    // Each owner has one process at most, so a second one finds its place taken.
    CHECK(with_vm.erase(owner_of(directory.filename().string())) == 1);
  }
  require_chain_unbroken();
}

// ---- helpers
// ---------------------------------------------------------------------------------------

std::unique_ptr<world> world_with_vms() {
  auto made = std::make_unique<world>(std::vector<std::string>{"--hypervisor", "qemu"});
  made->start_daemon();
  const auto imported = made->platen({"image", "demo"});
  INFO(imported.err);
  REQUIRE(imported.code == 0);
  return made;
}

json on_demand(const std::string& name, const std::string& of, const std::string& image) {
  auto body = json::parse(R"({
    "template": {"prepare": true, "create_args": {"memory_mb": 256}},
    "roms": [{"name": "session", "at": "/mnt/session",
              "files": [{"path": "session.txt", "encoding": "text"}]}],
    "service_group": {"services": [
      {"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]},
    "autostart": true})");
  body["name"] = name;
  body["template"]["name"] = of;
  body["template"]["create_args"]["image"] = image;
  body["roms"][0]["files"][0]["data"] = "rom-of-" + name;
  return body;
}

std::string fetch(const json& instance, const std::string& path) {
  const auto address = instance.at("services").at(0).at("address").get<std::string>();
  httplib::Client guest("http://" + address);
  guest.set_read_timeout(60s);
  // The workload listens a moment after its VM runs; until then the forwarded port resets.
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto answer = guest.Get(path);
    if (answer && answer->status == 200) return answer->body;
    if (std::chrono::steady_clock::now() > give_up) FAIL("no page from " << address << path);
    std::this_thread::sleep_for(200ms);
  }
}

}  // namespace platen::tests
