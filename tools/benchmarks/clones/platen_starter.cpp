#include "tools/benchmarks/clones/platen_starter.hpp"

#include <httplib.h>

#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tools/benchmarks/stopwatch.hpp"

namespace platen::benchmarks {
namespace {

using json = nlohmann::json;

constexpr int wait_s = 600;
constexpr double pool_patience_s = 60;
constexpr double end_patience_s = 60;

class platen_starter : public vm_starter {
 public:
  platen_starter(platen_target target, unsigned memory_mb)
      : target_(std::move(target)), memory_mb_(memory_mb) {}

  ~platen_starter() override {
    json all = json::array();
    for (const auto& uuid : made_)
      all.push_back({{"uuid", uuid}});
    // At most so many in one request.
    constexpr std::size_t batch = 50;
    for (std::size_t i = 0; i < all.size(); i += batch) {
      const auto end = std::min(all.size(), i + batch);
      const json some(all.begin() + static_cast<std::ptrdiff_t>(i),
                      all.begin() + static_cast<std::ptrdiff_t>(end));
      client().Delete("/v1/instances", some.dump(), "application/json");
    }
    // What still ends would disturb the next series, and be missing from its disk.
    const stopwatch waited;
    while (any_left() && waited.seconds() < end_patience_s)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

  start_times start(std::size_t number) override {
    const auto body = order(number).dump();
    auto connection = client();
    const stopwatch clock;
    const auto answer = connection.Post("/v1/instances", body, "application/json");
    start_times times;
    times.agent_answer = clock.seconds() * 1000;
    const auto instance = first_instance(answer);
    {
      const std::lock_guard guard(mutex_);
      made_.push_back(instance.at("uuid"));
    }
    const auto address = address_of(instance, connection);
    const auto colon = address.find(':');
    await_first_byte(address.substr(0, colon),
                     static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    times.first_byte = clock.seconds() * 1000;
    return times;
  }

  void await_readiness() override {
    if (!target_.await_pool) return;
    const stopwatch waited;
    while (waited.seconds() < pool_patience_s) {
      const auto found = json::parse(
          checked(client().Get("/v1/instances/templates?name=" + target_.templ)), nullptr, false);
      const auto ready =
          found.value(json::json_pointer("/data/templates/0/warm/ready"), json(0)).get<int>();
      if (ready > 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    throw std::runtime_error("the warm pool of template " + target_.templ + " stays empty");
  }

 private:
  bool any_left() const {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(target_.place, error)) {
      const auto name = entry.path().filename().string();
      for (const auto& uuid : made_)
        if (name.starts_with(uuid)) return true;
    }
    return false;
  }

  httplib::Client client() const {
    httplib::Client made(target_.url);
    made.set_keep_alive(true);
    made.set_tcp_nodelay(true);
    made.set_read_timeout(wait_s + 10);
    made.set_bearer_token_auth(target_.token);
    return made;
  }

  json order(std::size_t number) const {
    json body{{"name", "bench-" + std::to_string(memory_mb_) + "-" + std::to_string(number)},
              {"autostart", true},
              {"timeout_s", wait_s},
              {"service_group", {{"name", target_.group}}}};
    if (target_.templ.empty()) {
      body["image"] = target_.image;
      body["memory_mb"] = memory_mb_;
      body["vcpus"] = 1;
      // Its write to the usual file would make a template of the instance.
      body["env"] = {{"DEMO_WARM_UP_MS", target_.warm_up}, {"DEMO_SIGNAL", "/dev/null"}};
    } else {
      body["template"] = {{"name", target_.templ}};
    }
    return body;
  }

  static std::string checked(const httplib::Result& answer) {
    if (!answer) throw std::runtime_error("platend: " + to_string(answer.error()));
    if (answer->status != 200)
      throw std::runtime_error("platend: " + std::to_string(answer->status) + " " + answer->body);
    return answer->body;
  }

  static json first_instance(const httplib::Result& answer) {
    const auto body = json::parse(checked(answer));
    const auto instance = body.at("data").at("instances").at(0);
    if (instance.value("state", "") != "running")
      throw std::runtime_error("an instance does not run: " + instance.dump());
    return instance;
  }

  static std::string address_of(const json& instance, httplib::Client& connection) {
    const json::json_pointer place("/services/0/address");
    if (instance.contains(place)) return instance.at(place);
    const auto again = json::parse(
        checked(connection.Get("/v1/instances/" + instance.at("uuid").get<std::string>())));
    return again.at("data").at("instances").at(0).at(place);
  }

  const platen_target target_;
  const unsigned memory_mb_;
  std::mutex mutex_;
  std::vector<std::string> made_;
};

}  // namespace

std::unique_ptr<vm_starter> make_platen_starter(const platen_target& target, unsigned memory_mb) {
  return std::make_unique<platen_starter>(target, memory_mb);
}

}  // namespace platen::benchmarks
