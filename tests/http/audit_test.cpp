// GET /v1/audit.
#include <catch2/catch.hpp>

#include "events/hash.hpp"
#include "fixture.hpp"

using namespace platen;
using namespace platen::testing;

namespace {

const std::string vm = "00000000-0000-4000-8000-000000000001";
const std::string other_vm = "00000000-0000-4000-8000-000000000002";
const std::string of_template = "00000000-0000-4000-8000-000000000003";

const events::cause by_user{"r-create", "token:user", events::origin::api};
const events::cause by_stopper{"r-stop", "token:stopper", events::origin::api};
const events::cause by_system{"r-create", "platend", events::origin::system};
const events::cause by_guest{"r-create", "platend", events::origin::guest};

// Appends to streams without having to know their versions.
class writer {
 public:
  explicit writer(fixture& at) : at_(at) {}

  void operator()(const std::string& stream, const events::cause& why, events::event what) {
    at_.log.append({stream, versions_[stream]++, why, 1'700'000'000'000'000, {std::move(what)}},
                   [](const auto& done) { REQUIRE(done); });
  }

  void instance(const std::string& uuid, const std::string& name) {
    events::instance_requested requested;
    requested.name = name;
    (*this)("instance/" + uuid, by_user, requested);
  }

  // Everything an instance goes through from its creation to its end.
  void life(const std::string& uuid) {
    const auto stream = "instance/" + uuid;
    instance(uuid, "one");
    (*this)(stream, by_user, events::instance_boot_started{});
    (*this)(stream, by_system, events::instance_running{});
    (*this)(stream, by_stopper, events::instance_stop_requested{});
    events::instance_stopped stopped;
    stopped.by_user = true;
    stopped.exit_known = true;
    stopped.exit_code = 1;
    (*this)(stream, {"r-stop", "platend", events::origin::guest}, stopped);
    (*this)(stream, {"r-delete", "token:user", events::origin::api}, events::instance_deleted{});
  }

 private:
  fixture& at_;
  std::map<std::string, std::uint64_t> versions_;
};

struct told {
  std::string id;
  std::string type;
  json data;
};

// One client of the stream.
class listener {
 public:
  listener(const fixture& at, const std::string& query, const std::string& headers = "")
      : connection_(at) {
    connection_.send(request_text("GET /v1/audit" + query + " HTTP/1.1", headers));
    head = connection_.receive("\r\n\r\n");
  }

  // The next event; comments are passed over.
  told next() {
    while (true) {
      const auto chunk = connection_.receive("\n\n");
      REQUIRE(chunk.ends_with("\n\n"));
      told one;
      std::istringstream lines(chunk);
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("id: ")) one.id = line.substr(4);
        if (line.starts_with("event: ")) one.type = line.substr(7);
        if (line.starts_with("data: ")) one.data = json::parse(line.substr(6));
      }
      if (one.type.empty()) continue;
      if (one.data.contains("type")) CHECK(one.data["type"] == one.type);
      return one;
    }
  }

  std::vector<std::string> types(std::size_t count) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(next().type);
    return all;
  }

  std::string rest() { return connection_.receive(); }
  std::string until(const std::string& text) { return connection_.receive(text); }

  std::string head;

 private:
  raw_connection connection_;
};

using names = std::vector<std::string>;

bool has_null(const json& value) {
  if (value.is_null()) return true;
  return value.is_structured() && std::any_of(value.begin(), value.end(), has_null);
}

}  // namespace

TEST_CASE("the audit stream tells the life of an instance in the API's documents") {
  fixture at;
  writer write(at);
  listener client(at, "");
  CHECK(client.head.find("200 OK") != std::string::npos);
  CHECK(client.head.find("text/event-stream") != std::string::npos);
  write.life(vm);

  const auto created = client.next();
  CHECK(created.type == "vm.create");
  CHECK(created.id == "1");
  CHECK(created.data ==
        json::parse(R"({"type":"vm.create","timestamp":"2023-11-14T22:13:20.000000Z",
    "object":{"type":"i","uuid":"00000000-0000-4000-8000-000000000001","name":"one",
              "owner":"token:user"},
    "attribution":{"operation":"r-create","kind":"create","trigger":"requested","origin":"api",
                   "user":"token:user"},
    "data":{"new":"stopped"},
    "event":{"sequence":1,"stream":"instance/00000000-0000-4000-8000-000000000001",
             "type":"InstanceRequested"}})"));

  const auto starting = client.next();
  CHECK(starting.type == "vm.state_change");
  CHECK(starting.data["data"] == json{{"prev", "stopped"}, {"new", "starting"}});
  CHECK(starting.data["attribution"]["trigger"] == "requested");

  // It runs because the user asked for it.
  const auto running = client.next();
  CHECK(running.data["data"] == json{{"prev", "starting"}, {"new", "running"}});
  CHECK(running.data["attribution"] == json{{"operation", "r-create"},
                                            {"kind", "start"},
                                            {"trigger", "observed"},
                                            {"origin", "api"},
                                            {"user", "token:user"}});
  const auto stopping = client.next();
  CHECK(stopping.data["attribution"]["kind"] == "stop");
  CHECK(stopping.data["attribution"]["user"] == "token:stopper");
  const auto stopped = client.next();
  CHECK(stopped.data["data"]["prev"] == "stopping");
  CHECK(stopped.data["data"]["stop"] ==
        json{{"reason", {"sys-exit", "app-exit", "ukpd", "api"}}, {"exit_code", 1}});
  CHECK(stopped.data["attribution"]["origin"] == "api");
  CHECK(stopped.data["attribution"]["operation"] == "r-stop");
  const auto deleted = client.next();
  CHECK(deleted.type == "vm.delete");
  CHECK(deleted.data["data"] == json{{"prev", "stopped"}, {"new", "deleted"}});
  for (const auto& one : {created, starting, running, stopping, stopped, deleted})
    CHECK_FALSE(has_null(one.data));
}

TEST_CASE("an instance that ends by itself is the guest's doing; a failed start is told twice") {
  fixture at;
  writer write(at);
  const auto stream = "instance/" + vm;
  listener client(at, "");
  write.instance(vm, "one");
  write(stream, by_user, events::instance_boot_started{});
  write(stream, by_system, events::instance_running{});
  write(stream, by_guest, events::instance_stopped{});
  write(stream, by_user, events::instance_boot_started{});
  events::instance_failed failed;
  failed.stage = "image";
  failed.reason = "there is none";
  write(stream, by_system, failed);
  client.types(3);
  const auto stopped = client.next();
  CHECK(stopped.data["attribution"]["origin"] == "guest");
  CHECK_FALSE(stopped.data["attribution"].contains("user"));
  CHECK(stopped.data["data"]["stop"] == json{{"reason", {"sys-exit"}}});
  client.next();
  // Both belong to one event: only the second says where to go on.
  const auto back = client.next();
  CHECK(back.type == "vm.state_change");
  CHECK(back.id.empty());
  CHECK(back.data["data"] == json{{"prev", "starting"}, {"new", "stopped"}});
  const auto why = client.next();
  CHECK(why.type == "vm.start_failed");
  CHECK(why.id == "6");
  CHECK(why.data["data"] == json{{"state", "stopped"},
                                 {"error", "image: there is none"},
                                 {"cause", "image-unavailable"}});
  CHECK(why.data["attribution"]["kind"] == "start");
}

TEST_CASE("sleep is told with whose doing it was, and so is what wakes it") {
  fixture at;
  writer write(at);
  const auto stream = "instance/" + vm;
  const platen::events::cause by_gateway{"", "platend", platen::events::origin::gateway};
  listener client(at, "");
  write.instance(vm, "one");
  write(stream, by_user, events::instance_boot_started{});
  write(stream, by_system, events::instance_running{});
  events::instance_suspend_requested dozes;
  dozes.standby = true;
  write(stream, by_gateway, dozes);
  write(stream, by_system, events::instance_suspended{});
  write(stream, by_gateway, events::instance_resume_started{});
  write(stream, by_system, events::instance_running{});
  write(stream, by_user, events::instance_suspend_requested{});
  write(stream, by_system, events::instance_suspended{});
  client.types(3);
  const auto falls_asleep = client.next();
  CHECK(falls_asleep.data["data"] == json{{"prev", "running"}, {"new", "stopping"}});
  CHECK(falls_asleep.data["attribution"]["origin"] == "scale-to-zero");
  const auto sleeps = client.next();
  CHECK(sleeps.data["data"] == json{{"prev", "stopping"}, {"new", "standby"}});
  CHECK(sleeps.data["attribution"]["origin"] == "scale-to-zero");
  CHECK(sleeps.data["attribution"]["kind"] == "stop");
  const auto wakes = client.next();
  CHECK(wakes.data["data"] == json{{"prev", "standby"}, {"new", "starting"}});
  CHECK(wakes.data["attribution"]["origin"] == "proxy");
  CHECK(wakes.data["attribution"]["kind"] == "start");
  client.next();
  const auto suspends = client.next();
  CHECK(suspends.data["attribution"]["kind"] == "suspend");
  CHECK(suspends.data["attribution"]["origin"] == "api");
  const auto suspended = client.next();
  CHECK(suspended.data["data"] == json{{"prev", "stopping"}, {"new", "stopped"}});
  CHECK(suspended.data["attribution"]["user"] == "token:user");
}

TEST_CASE("a drain and the stop that follows it are the doing of whoever asked for them") {
  fixture at;
  writer write(at);
  const auto stream = "instance/" + vm;
  const platen::events::cause by_gateway{"", "platend", platen::events::origin::gateway};
  listener client(at, "");
  write.instance(vm, "one");
  write(stream, by_user, events::instance_boot_started{});
  write(stream, by_system, events::instance_running{});
  write(stream, by_user, events::instance_drain_started{});
  write(stream, by_gateway, events::instance_stop_requested{});
  write(stream, by_system, events::instance_stopped{});
  client.types(3);
  for (const std::string state : {"draining", "stopping", "stopped"}) {
    const auto told = client.next();
    CHECK(told.data["data"]["new"] == state);
    CHECK(told.data["attribution"]["origin"] == "api");
    CHECK(told.data["attribution"]["kind"] == "stop");
    CHECK(told.data["attribution"]["user"] == "token:user");
  }
}

TEST_CASE("the audit stream tells the life of a template") {
  fixture at;
  writer write(at);
  const auto stream = "template/" + of_template;
  listener client(at, "");
  events::template_requested requested;
  requested.name = "web";
  write(stream, by_user, requested);
  write(stream, by_user, events::preparation_started{});
  write(stream, by_system, events::template_guest_booted{});
  events::preparation_failed failed;
  failed.stage = "guest_signal";
  failed.reason = "it panicked";
  failed.console_tail = "not for this stream";
  failed.retry_after_ms = 1000;
  write(stream, by_guest, failed);
  write(stream, {"", "platend", events::origin::timer}, events::preparation_started{});
  write(stream, by_system, events::template_guest_booted{});
  write(stream, by_guest, events::guest_signalled{});
  write(stream, by_system, events::template_snapshotted{});
  events::clone_granted granted;
  granted.instance_id = vm;
  write(stream, by_user, granted);
  write(stream, by_user, events::template_deleted{});

  const auto created = client.next();
  CHECK(created.type == "template.create");
  CHECK(created.data["object"] ==
        json{{"type", "t"}, {"uuid", of_template}, {"name", "web"}, {"owner", "token:user"}});
  CHECK(client.next().data["data"] == json{{"prev", "starting"}, {"new", "running"}});
  CHECK(client.next().data["data"] == json{{"prev", "running"}, {"new", "stopped"}});
  const auto why = client.next();
  CHECK(why.type == "template.preparation_failed");
  CHECK(why.data["data"]["reason"] == "it panicked");
  CHECK(why.data["attribution"]["origin"] == "guest");
  const auto again = client.next();
  CHECK(again.data["data"] == json{{"prev", "stopped"}, {"new", "starting"}});
  CHECK(again.data["attribution"] ==
        json{{"kind", "prepare"}, {"trigger", "observed"}, {"origin", "system"}});
  CHECK(client.next().data["data"]["new"] == "running");
  CHECK(client.next().data["data"]["new"] == "stopping");
  CHECK(client.next().data["data"] == json{{"prev", "stopping"}, {"new", "template"}});
  CHECK(client.next().type == "template.delete");
}

TEST_CASE("a client that comes back goes on where it was, and knows the state before") {
  fixture at;
  writer write(at);
  write.life(vm);
  CHECK(listener(at, "?after=0").types(6) == names{"vm.create", "vm.state_change",
                                                   "vm.state_change", "vm.state_change",
                                                   "vm.state_change", "vm.delete"});
  listener resumed(at, "?after=0", "Last-Event-ID: 3\r\n");
  const auto next = resumed.next();
  CHECK(next.id == "4");
  CHECK(next.data["data"] == json{{"prev", "running"}, {"new", "stopping"}});
  CHECK(next.data["object"]["owner"] == "token:user");
  CHECK(listener(at, "?after=-1").next().type == "vm.delete");
}

TEST_CASE("without a place to begin, the audit stream begins now") {
  fixture at;
  writer write(at);
  write.instance(vm, "one");
  listener client(at, "");
  write.instance(other_vm, "two");
  CHECK(client.next().data["object"]["name"] == "two");
}

TEST_CASE("the audit stream is filtered by type and uuid; the last of a parameter wins") {
  fixture at;
  writer write(at);
  write.life(vm);
  write.life(other_vm);
  CHECK(listener(at, "?after=0&events=vm.delete,vm.create").types(4) ==
        names{"vm.create", "vm.delete", "vm.create", "vm.delete"});
  listener one(at, "?after=0&events=vm.create&events=vm.delete&uuid=" + vm + "&uuid=" + other_vm);
  const auto last = one.next();
  CHECK(last.type == "vm.delete");
  CHECK(last.data["object"]["uuid"] == other_vm);
  CHECK(listener(at, "?after=0&events=vm.create&uuid=" + vm + "," + other_vm).types(2) ==
        names{"vm.create", "vm.create"});
}

TEST_CASE("more entities than a subscriber remembers are told of correctly") {
  fixture at;
  writer write(at);
  constexpr int count = 600;
  const auto uuid = [](int i) {
    return "00000000-0000-4000-8000-" + std::to_string(100'000'000'000 + i);
  };
  for (int i = 0; i < count; ++i)
    write.instance(uuid(i), "i" + std::to_string(i));
  for (int i = 0; i < count; ++i)
    write("instance/" + uuid(i), by_user, events::instance_boot_started{});
  listener client(at, "?after=0&events=vm.state_change");
  for (int i = 0; i < count; ++i) {
    const auto one = client.next();
    CHECK(one.data["object"]["name"] == "i" + std::to_string(i));
    CHECK(one.data["data"]["prev"] == "stopped");
  }
}

TEST_CASE("parameters of the audit stream are checked and the answer names what there is") {
  fixture at;
  const auto unknown = at.get("/v1/audit?events=vm.annotate");
  CHECK(unknown.status == 400);
  CHECK(unknown.mentions("'vm.annotate', which is none of vm.create, vm.state_change"));
  CHECK(at.get("/v1/audit?uuid=x").message() == "Invalid uuid 'x'");
  CHECK(at.get("/v1/audit?tags=a").mentions("have no tags"));
  CHECK(at.get("/v1/audit?event=vm.create").status == 400);
  CHECK(at.get("/v1/audit?events=").status == 400);
  CHECK(at.get("/v1/audit", "{}").status == 400);
  CHECK(at.call("GET", "/v1/audit", "", {{"Last-Event-ID", "x"}}).status == 400);
  const auto ahead = at.call("GET", "/v1/audit", "", {{"Last-Event-ID", "7"}});
  CHECK(ahead.status == 400);
  CHECK(ahead.mentions("the newest event is 0"));
}

TEST_CASE("a subscriber with nothing to hear gets heartbeats") {
  http::limits bounds;
  bounds.heartbeat = std::chrono::seconds(1);
  fixture at(bounds);
  writer write(at);
  listener client(at, "?uuid=" + other_vm);
  write.life(vm);
  CHECK(client.until(": heartbeat\n\n").ends_with(": heartbeat\n\n"));
  CHECK(client.until(": heartbeat\n\n").ends_with(": heartbeat\n\n"));
  write.instance(other_vm, "two");
  CHECK(client.next().type == "vm.create");
}

TEST_CASE("P8: subscribers of the audit stream are bounded, and one that leaves makes room") {
  http::limits bounds;
  bounds.audit_subscribers = 1;
  fixture at(bounds);
  {
    listener first(at, "");
    const auto refused = at.get("/v1/audit");
    CHECK(refused.status == 429);
    CHECK(refused.header("retry-after") == "10");
    CHECK(refused.message() == "there are already 1 subscribers of the audit stream, the limit");
  }
  // The place is given back once the server has seen the end of the connection; each attempt is a
  // request of its own.
  std::string head;
  do {
    head = listener(at, "").head;
  } while (head.find("429") != std::string::npos);
  CHECK(head.find("200 OK") != std::string::npos);
}

TEST_CASE("a stopping server ends its audit streams properly") {
  fixture at;
  listener client(at, "");
  at.server->stop();
  CHECK(client.rest() == "0\r\n\r\n");
}

TEST_CASE("what cannot be read any more is told as a gap, and the stream goes on") {
  fixture at;
  writer write(at);
  write.life(vm);
  at.unreadable_up_to(4);
  listener client(at, "?after=0");
  const auto gap = client.next();
  CHECK(gap.type == "gap");
  CHECK(gap.id == "6");
  CHECK(gap.data["dropped"] == 6);
  CHECK(gap.data["after"] == 0);
  CHECK(gap.data["reason"] == "archived");
  write.instance(other_vm, "two");
  CHECK(client.next().data["object"]["name"] == "two");
  // The first events of this one cannot be read, so its state before is not known.
  listener later(at, "?after=4&events=vm.delete,vm.state_change");
  const auto first = later.next();
  CHECK(first.data["data"]["new"] == "stopped");
  CHECK_FALSE(first.data["data"].contains("prev"));
}
