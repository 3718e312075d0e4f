// Service groups under a running control plane: the simulated hypervisor, the log in memory.
#include <catch2/catch.hpp>
#include <condition_variable>
#include <future>
#include <mutex>

#include "actors/certificates.hpp"
#include "actors/control_plane.hpp"
#include "actors/wall_clock.hpp"
#include "hypervisor/sim/sim_driver.hpp"
#include "store/memory_log.hpp"

namespace {

using namespace platen;
using namespace platen::actors;
using namespace std::chrono_literals;
using phase = instance::lifecycle;

const events::cause why{"request", "token:test", events::origin::api};

events::service service(std::uint16_t port, std::uint16_t destination) {
  events::service made;
  made.port = port;
  made.destination_port = destination;
  made.handlers = service_group::usual_handlers(port);
  return made;
}

group_wish wish_for(std::vector<events::service> services) {
  group_wish made;
  made.how.services = std::move(services);
  return made;
}

// A daemon's life over a log and a world that outlive it.
class life {
 public:
  life(store::event_log& log, std::shared_ptr<hypervisor::sim_world> world)
      : driver_(hypervisor::make_sim_driver(std::move(world), hypervisor::real_time_scheduler())) {
    options how;
    how.on_fatal = [](const std::string& what) { FAIL(what); };
    auto started = control_plane::start(how, log, *driver_);
    REQUIRE(started);
    plane = std::move(*started);
    plane->on_routing_change([this] {
      const std::lock_guard guard(mutex_);
      ++changes_;
      changed_.notify_all();
    });
  }
  ~life() { plane->on_routing_change(nullptr); }

  template <class T, class Ask>
  static answer<T> answer_to(Ask ask) {
    std::promise<answer<T>> promise;
    ask([&](answer<T> given) { promise.set_value(std::move(given)); });
    return promise.get_future().get();
  }

  answer<created> create(const std::string& name, instance_group group) {
    create_instance wish;
    wish.name = name;
    wish.spec.image = "demo:v1";
    wish.autostart = true;
    wish.group = std::move(group);
    return answer_to<created>([&](auto done) { plane->create(wish, why, done); });
  }
  answer<group_ptr> make(group_wish wish) {
    return answer_to<group_ptr>([&](auto done) { plane->create_group(wish, why, done); });
  }
  answer<group_ptr> change(const std::string& id, service_group::edit what) {
    return answer_to<group_ptr>([&](auto done) { plane->change_group(id, what, why, done); });
  }
  answer<group_ptr> remove(const std::string& id) {
    return answer_to<group_ptr>([&](auto done) { plane->delete_group(id, why, done); });
  }
  answer<instance_ptr> remove_instance(const std::string& id) {
    return answer_to<instance_ptr>([&](auto done) { plane->delete_instance(id, why, done); });
  }
  instance_ptr running(const std::string& id) {
    return plane->wait_instance(
        id, [](const auto& state) { return state.phase == phase::running; },
        std::chrono::steady_clock::now() + 10s);
  }
  // Woken by the routing change that every one of these conditions comes with.
  bool eventually(const std::function<bool()>& holds) {
    std::unique_lock guard(mutex_);
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!holds()) {
      const auto seen = changes_;
      if (!changed_.wait_until(guard, until, [&] { return changes_ != seen; })) return holds();
    }
    return true;
  }

  std::unique_ptr<hypervisor::driver> driver_;
  std::unique_ptr<control_plane> plane;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
};

struct service_world {
  store::memory_log log;
  std::shared_ptr<hypervisor::sim_world> machine = std::make_shared<hypervisor::sim_world>();
  std::unique_ptr<life> now = std::make_unique<life>(log, machine);
  void restart() {
    now.reset();
    now = std::make_unique<life>(log, machine);
  }
};

}  // namespace

TEST_CASE("an instance's own group has its name and domain, and goes with it") {
  service_world world;
  const auto made = world.now->create("My_App", {{}, wish_for({service(443, 8080)})});
  REQUIRE(made);
  const auto& id = made->instance->service_group_id;
  const auto group = world.now->plane->find_group({id, ""});
  REQUIRE(group);
  CHECK(group->name == "My_App");
  CHECK_FALSE(group->persistent);
  CHECK(group->how.domains.at(0).name == "my-app.localhost");
  CHECK(group->instances == std::set<std::string>{made->instance->id});
  const auto running = world.now->running(made->instance->id);
  CHECK(running->spec.services.at(0).host_port != 0);
  world.restart();
  CHECK(world.now->plane->find_group({"", "My_App"})->id == id);
  REQUIRE(world.now->remove_instance(made->instance->id));
  CHECK(world.now->eventually([&] { return !world.now->plane->find_group({id, ""}); }));
}

TEST_CASE("two services of one group may lead to one port of the guest") {
  service_world world;
  const auto made =
      world.now->create("one", {{}, wish_for({service(443, 8080), service(80, 8080)})});
  REQUIRE(made);
  const auto running = world.now->running(made->instance->id);
  REQUIRE(running->spec.services.size() == 2);
  CHECK(running->spec.services[0].host_port != 0);
  CHECK(running->spec.services[0].host_port == running->spec.services[1].host_port);
}

TEST_CASE("instances join a group by name or uuid, and it stays when they go") {
  service_world world;
  auto wish = wish_for({service(443, 8080)});
  wish.name = "web";
  const auto group = world.now->make(wish);
  REQUIRE(group);
  const auto one = world.now->create("one", {{"", "web"}, {}});
  const auto two = world.now->create("two", {{(*group)->id, ""}, {}});
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->instance->spec.services.at(0).destination_port == 8080);
  CHECK(world.now->plane->find_group({"", "web"})->instances.size() == 2);
  CHECK(world.now->remove((*group)->id).error().what == rejection::kind::attached);
  const auto nobody = world.now->create("three", {{"", "nobody"}, {}});
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().message == "No service group with name 'nobody'");
  CHECK_FALSE(world.now->plane->find_instance({"", "three"}));
  REQUIRE(world.now->remove_instance(one->instance->id));
  REQUIRE(world.now->remove_instance(two->instance->id));
  CHECK(world.now->eventually([&] {
    return world.now->plane->find_group({"", "web"})->instances.empty();
  }));
  CHECK(world.now->remove((*group)->id));
}

TEST_CASE("names, domains and passed-through ports belong to one group") {
  service_world world;
  auto first = wish_for({service(443, 1), service(5432, 1)});
  first.name = "one";
  REQUIRE(world.now->make(first));
  const auto refused = [&](const group_wish& wish) {
    const auto made = world.now->make(wish);
    REQUIRE_FALSE(made);
    CHECK(made.error().what == rejection::kind::name_taken);
    return made.error().message;
  };
  CHECK(refused(first) == "A service group with the name 'one' already exists");
  auto second = wish_for({service(443, 2)});
  second.name = "two";
  events::domain domain;
  domain.name = "one";
  second.how.domains = {domain};
  CHECK(refused(second) == "domain 'one.localhost' belongs to another service group");
  second.how.domains.clear();
  second.how.services.push_back(service(5432, 2));
  CHECK(refused(second).starts_with("port 5432 is passed through to another"));
  second.how.services[1].handlers = {"tls"};
  CHECK(refused(second) == "port 5432 has other handlers in another service group");
  second.how.services.pop_back();
  const auto made = world.now->make(second);
  REQUIRE(made);
  service_group::edit edit;
  edit.how = service_group::edit::operation::add;
  edit.value.services = {service(5432, 2)};
  CHECK_FALSE(world.now->change((*made)->id, edit));
  edit.value.services = {service(5433, 2)};
  const auto changed = world.now->change((*made)->id, edit);
  REQUIRE(changed);
  CHECK((*changed)->how.services.size() == 2);
  auto third = wish_for({service(5433, 2)});
  third.name = "three";
  CHECK_FALSE(world.now->make(third));
  REQUIRE(world.now->remove((*made)->id));
  CHECK(world.now->make(third));
}

TEST_CASE("an empty group is deleted after its time, also over a restart") {
  service_world world;
  auto wish = wish_for({service(443, 1)});
  wish.name = "short";
  wish.how.autokill_ms = 300;
  REQUIRE(world.now->make(wish));
  world.restart();
  CHECK(world.now->eventually([&] { return !world.now->plane->find_group({"", "short"}); }));
  const auto events = [&] {
    std::vector<std::string> seen;
    const auto read = world.log.read_all(0, [&](const events::envelope& event) {
      if (const auto* gone = std::get_if<events::service_group_deleted>(&event.what))
        seen.push_back(gone->reason + " " + std::string(to_string(event.why.source)));
      return true;
    });
    REQUIRE(read);
    return seen;
  }();
  CHECK(events == std::vector<std::string>{"autokill timer"});
}

TEST_CASE("a member that was never made leaves after a restart") {
  service_world world;
  events::service_group_requested requested;
  requested.name = "half";
  requested.services = {service(443, 1)};
  requested.soft_limit = requested.hard_limit = 1;
  events::service_group_joined joined;
  joined.instance_id = "never-made";
  world.now.reset();
  std::promise<void> appended;
  world.log.append({"service/half-id", 0, why, 1, {requested, joined}},
                   [&](const auto&) { appended.set_value(); });
  appended.get_future().get();
  world.now = std::make_unique<life>(world.log, world.machine);
  CHECK(world.now->eventually([&] { return !world.now->plane->find_group({"", "half"}); }));
}

TEST_CASE("certificates are remembered without their keys") {
  store::memory_log log;
  events::certificate_added added;
  added.id = "c";
  added.name = "mine";
  added.domains = {"a.test"};
  {
    auto book = certificate_book::open(log, wall_clock_us);
    REQUIRE(book);
    int told = 0;
    (*book)->on_change([&] { ++told; });
    REQUIRE((*book)->add(added, why));
    CHECK((*book)->add(added, why).error().what == rejection::kind::name_taken);
    CHECK(told == 1);
  }
  const auto book = certificate_book::open(log, wall_clock_us);
  REQUIRE(book);
  REQUIRE((*book)->by_name("mine"));
  CHECK((*book)->by_name("mine")->facts.domains == std::vector<std::string>{"a.test"});
  REQUIRE((*book)->remove("c", why));
  CHECK((*book)->all().empty());
  CHECK_FALSE((*book)->remove("c", why));
}
