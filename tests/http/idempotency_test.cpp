// Idempotency-Key.
#include <catch2/catch.hpp>
#include <thread>

#include "events/hash.hpp"
#include "fixture.hpp"
#include "http/request/auth.hpp"
#include "http/request/idempotency.hpp"
#include "http/routes/keys_in_flight.hpp"

using namespace platen;
using namespace platen::testing;

namespace {

const std::string plain = R"({"image":"demo"})";

answer keyed(const fixture& at, const std::string& key, const std::string& method,
             const std::string& target, const std::string& body = "") {
  return at.call(method, target, body, {{"Idempotency-Key", key}});
}

answer keyed_create(const fixture& at, const std::string& key, const std::string& body = plain) {
  return keyed(at, key, "POST", "/v1/instances", body);
}

std::string principal() {
  return http::token_set({{token, ""}}).caller_of("Bearer " + token)->principal;
}

http::request_identity identity(const std::string& key) {
  return {{principal(), ""}, key};
}

std::vector<events::envelope> events_of(const fixture& at, const std::string& stream) {
  std::vector<events::envelope> all;
  REQUIRE(at.log.read_stream(stream, 0, [&](const events::envelope& event) {
    all.push_back(event);
    return true;
  }));
  return all;
}

void append(fixture& at, const std::string& stream, std::uint64_t version_before,
            const std::string& request_id, events::event what) {
  at.log.append({stream,
                 version_before,
                 {request_id, principal(), events::origin::api},
                 1'700'000'000'000'000,
                 {std::move(what)}},
                [](const auto& done) { REQUIRE(done); });
}

// As a daemon leaves it that was killed while it carried the request out.
void begin_and_die(fixture& at, const std::string& key, const std::string& method,
                   const std::string& target, const std::string& body) {
  events::request_began began;
  began.key = key;
  began.method = method;
  began.target = target;
  began.body_sha256 = events::to_hex(events::sha256_of(body));
  append(at, identity(key).stream(), 0, "first-request", began);
}

bool replayed(const answer& told) {
  return told.header("idempotent-replayed") == "true";
}

}  // namespace

TEST_CASE("P4: the same request under the same key gets the same bytes and has no second effect") {
  fixture at;
  const auto first = keyed_create(at, "k1");
  const auto again = keyed_create(at, "k1");
  CHECK(first.status == 200);
  CHECK_FALSE(replayed(first));
  CHECK(again.status == 200);
  CHECK(again.text == first.text);
  CHECK(replayed(again));
  CHECK(at.control.creates().size() == 1);
  const auto told = events_of(at, identity("k1").stream());
  REQUIRE(told.size() == 2);
  CHECK(std::get<events::request_began>(told[0].what).key == "k1");
  CHECK(std::get<events::request_answered>(told[1].what).body == first.text);
  CHECK(told[0].why == at.control.causes().at(0));
  CHECK(at.log.newest().sequence == 2);
}

TEST_CASE("P4: the answer outlives the server that gave it") {
  fixture at;
  const auto first = keyed_create(at, "k1");
  at.restart();
  const auto again = keyed_create(at, "k1");
  CHECK(again.text == first.text);
  CHECK(replayed(again));
  CHECK(at.control.creates().size() == 1);
}

TEST_CASE("P4: another request under a key that was used is refused and says what differs") {
  fixture at;
  const auto uuid = keyed_create(at, "k1").item().at("uuid").get<std::string>();
  const auto body = keyed_create(at, "k1", R"({"image":"other"})");
  CHECK(body.status == 422);
  CHECK(body.message() ==
        "the Idempotency-Key 'k1' belongs to another request: its body was another; use a new key");
  const auto target = keyed(at, "k1", "POST", "/v1/instances?x=1", plain);
  CHECK(target.status == 422);
  CHECK(target.mentions("its target was '/v1/instances'"));
  const auto method = keyed(at, "k1", "DELETE", "/v1/instances/" + uuid);
  CHECK(method.status == 422);
  CHECK(method.mentions("its method was POST"));
  CHECK(at.control.creates().size() == 1);
  CHECK(at.control.find_instance({uuid, ""}));
}

TEST_CASE("P4: a key belongs to the principal that used it") {
  fixture at;
  keyed_create(at, "k1");
  const auto other =
      at.call("POST", "/v1/instances", plain,
              {{"Idempotency-Key", "k1"}, {"Authorization", "Bearer another-token"}});
  CHECK(other.status == 200);
  CHECK_FALSE(replayed(other));
  CHECK(at.control.creates().size() == 2);
}

TEST_CASE("P4: refusals are answers like others and are kept; nothing is looked at again") {
  fixture at;
  const auto refused = keyed_create(at, "k1", R"({"imag":"demo"})");
  CHECK(refused.status == 400);
  const auto again = keyed_create(at, "k1", R"({"imag":"demo"})");
  CHECK(again.text == refused.text);
  CHECK(replayed(again));
  const auto missing = keyed(at, "k2", "DELETE", "/v1/instances?name=later");
  CHECK(missing.item().at("error") == 8);
  at.instance("later", instance_phase::stopped);
  CHECK(keyed(at, "k2", "DELETE", "/v1/instances?name=later").text == missing.text);
  CHECK(at.control.find_instance({"", "later"}));
}

TEST_CASE(
    "P4: an answer that asks for a repetition is not kept, so that the repetition can do it") {
  using actors::rejection;
  for (const auto& [why, status] :
       {std::pair{rejection::kind::busy, 429}, std::pair{rejection::kind::unavailable, 503}}) {
    fixture at;
    at.control.refuse_next({why, "not now"});
    CHECK(keyed_create(at, "k1").status == status);
    const auto done = keyed_create(at, "k1");
    CHECK(done.status == 200);
    CHECK_FALSE(replayed(done));
    CHECK(replayed(keyed_create(at, "k1")));
    CHECK(at.control.creates().size() == 2);
    CHECK(at.control.instances().size() == 1);
  }
}

TEST_CASE("P4: nothing is carried out before the log has the request") {
  fixture at;
  at.log.fail("the disk is gone");
  const auto told = keyed_create(at, "k1");
  CHECK(told.status == 503);
  CHECK(told.mentions("the disk is gone"));
  CHECK(at.control.creates().empty());
}

TEST_CASE("P4: after a crash amid a create, the repetition asks for the same instances") {
  fixture at;
  const std::string two = R"([{"image":"demo"},{"image":"demo"}])";
  begin_and_die(at, "k1", "POST", "/v1/instances", two);
  const auto told = keyed_create(at, "k1", two);
  CHECK(told.status == 200);
  CHECK_FALSE(replayed(told));
  const auto creates = at.control.creates();
  REQUIRE(creates.size() == 2);
  CHECK(creates[0].uuid == identity("k1").uuid_of_item(0));
  CHECK(creates[1].uuid == identity("k1").uuid_of_item(1));
  CHECK(creates[0].uuid != creates[1].uuid);
  CHECK(told.item(0).at("uuid") == creates[0].uuid);
  // All events of the request have one cause, whichever run led to them.
  CHECK(at.control.causes().at(0).request_id == "first-request");
  CHECK(events_of(at, identity("k1").stream()).at(1).why.request_id == "first-request");
  CHECK(replayed(keyed_create(at, "k1", two)));
}

TEST_CASE("P4: after a crash amid a delete, what the first run deleted counts as deleted") {
  const std::string uuid = "00000000-0000-4000-8000-00000000abcd";
  events::instance_requested requested;
  requested.name = "gone";
  for (const auto& target : {std::string("/v1/instances?name=gone"), "/v1/instances/" + uuid}) {
    fixture at;
    append(at, "instance/" + uuid, 0, "create", requested);
    begin_and_die(at, "k1", "DELETE", target, "");
    append(at, "instance/" + uuid, 1, "first-request", events::instance_deleted{});
    const auto told = keyed(at, "k1", "DELETE", target);
    CHECK(told.item().at("status") == "success");
    CHECK(told.item().at("uuid") == uuid);
    CHECK(told.item().at("name") == "gone");
    CHECK(told.item().at("previous_state") == "stopped");
    CHECK(keyed(at, "k1", "DELETE", target).text == told.text);
    // Whoever asks anew is told that there is none.
    CHECK(at.call("DELETE", target).item().at("error") == 8);
    CHECK(keyed(at, "k2", "DELETE", target).item().at("error") == 8);
  }
}

TEST_CASE("P4: after a crash amid a delete, what somebody else deleted is missing") {
  const std::string uuid = "00000000-0000-4000-8000-00000000abcd";
  const std::string target = "/v1/instances/templates/" + uuid;
  fixture at;
  events::template_requested requested;
  requested.name = "gone";
  append(at, "template/" + uuid, 0, "create", requested);
  begin_and_die(at, "k1", "DELETE", target, "");
  append(at, "template/" + uuid, 1, "somebody-else", events::template_deleted{});
  CHECK(keyed(at, "k1", "DELETE", target).item().at("error") == 8);
}

TEST_CASE("P4: a repetition waits for the first while there is room to wait, else it is told so") {
  http::limits bounds;
  bounds.waiting_requests = 2;
  fixture at(bounds);
  const std::string waiting = R"({"name":"a","image":"demo","autostart":true,"timeout_s":-1})";
  answer first;
  std::thread one([&] { first = keyed_create(at, "k1", waiting); });
  at.control.await_waiters(1);
  // Of two repetitions, one gets the second place.
  answer repetitions[2];
  std::mutex mutex;
  std::condition_variable changed;
  int ended = 0;
  std::vector<std::thread> others;
  for (auto& into : repetitions)
    others.emplace_back([&] {
      into = keyed_create(at, "k1", waiting);
      const std::lock_guard lock(mutex);
      ++ended;
      changed.notify_all();
    });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ended == 1; });
  }
  at.control.enter("a", instance_phase::running);
  one.join();
  for (auto& other : others)
    other.join();
  const auto& refused = repetitions[repetitions[0].status == 409 ? 0 : 1];
  const auto& waited = repetitions[repetitions[0].status == 409 ? 1 : 0];
  CHECK(refused.status == 409);
  CHECK(refused.header("retry-after") == "1");
  CHECK(refused.mentions("still being carried out"));
  CHECK(first.status == 200);
  CHECK(waited.text == first.text);
  CHECK(replayed(waited));
  CHECK(at.control.creates().size() == 1);
}

TEST_CASE("P4: what a stopping server was waiting for is carried out by the next") {
  fixture at;
  const std::string waiting = R"({"name":"a","image":"demo","autostart":true,"timeout_s":-1})";
  answer first;
  std::thread one([&] { first = keyed_create(at, "k1", waiting); });
  at.control.await_waiters(1);
  at.server->stop();
  one.join();
  CHECK(first.status == 503);
  at.control.enter("a", instance_phase::running);
  at.restart();
  const auto told = keyed_create(at, "k1", waiting);
  CHECK(told.status == 200);
  CHECK(told.item().at("state") == "running");
  CHECK(at.control.instances().size() == 1);
}

TEST_CASE("P4: a client that left while it waited comes back for the same instance") {
  fixture at;
  const std::string waiting = R"({"image":"demo","autostart":true,"timeout_s":-1})";
  {
    raw_connection leaving(at);
    leaving.send(request_text("POST /v1/instances HTTP/1.1", "Idempotency-Key: k1\r\n", waiting));
    at.control.await_waiters(1);
  }
  at.control.await_no_waiters();
  const auto made = at.control.instances();
  REQUIRE(made.size() == 1);
  at.control.enter(made[0]->name, instance_phase::running);
  const auto told = keyed_create(at, "k1", waiting);
  CHECK(told.status == 200);
  CHECK(told.item().at("uuid") == made[0]->id);
  CHECK(told.item().at("state") == "running");
  CHECK(at.control.instances().size() == 1);
}

TEST_CASE("a key is held by one at a time; who waits for it can be let go") {
  http::keys_in_flight keys;
  std::stop_source leaves;
  {
    const auto held = keys.try_claim("k");
    CHECK(held);
    CHECK_FALSE(keys.try_claim("k"));
    CHECK(keys.try_claim("another"));
    leaves.request_stop();
    CHECK_FALSE(keys.await("k", leaves.get_token()));
  }
  CHECK(keys.await("k", {}));
  const auto held = keys.try_claim("k");
  std::thread stopping([&] { keys.cancel_waits(); });
  CHECK_FALSE(keys.await("k", {}));
  stopping.join();
}

TEST_CASE("P4: an answer that is too large to be kept is not made up") {
  fixture at;
  json item{{"image", "demo"}};
  for (int i = 0; i < 256; ++i)
    item["env"]["V" + std::to_string(i)] = std::string(4096, 'x');
  const auto body = json(std::vector<json>(5, item)).dump();
  const auto told = keyed_create(at, "k1", body);
  CHECK(told.status == 200);
  REQUIRE(told.text.size() > (4u << 20));
  const auto again = keyed_create(at, "k1", body);
  CHECK(again.status == 410);
  CHECK(again.message().find("the request was carried out and answered 200") == 0);
  CHECK(at.control.creates().size() == 5);
}

TEST_CASE("keys must be 1 to 255 printable ASCII characters, once") {
  fixture at;
  for (const std::string& key :
       {std::string(256, 'k'), std::string("k\x80"), std::string("k\tk")}) {
    const auto told = keyed_create(at, key);
    CHECK(told.status == 400);
    CHECK(told.message() ==
          "the header 'Idempotency-Key' must be 1 to 255 printable ASCII characters");
  }
  CHECK(keyed_create(at, std::string(255, '~')).status == 200);
  raw_connection twice(at);
  twice.send(request_text("POST /v1/instances HTTP/1.1",
                          "Connection: close\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n",
                          plain));
  CHECK(twice.receive().find("is given twice") != std::string::npos);
  CHECK(at.control.creates().size() == 1);
}

TEST_CASE("GET takes no notice of a key") {
  fixture at;
  CHECK(at.call("GET", "/v1/instances", "", {{"Idempotency-Key", "k"}}).status == 200);
  CHECK(at.log.newest().sequence == 0);
}

TEST_CASE("P4: uploads have keys as well, over the bytes of the image") {
  fixture at;
  const std::string target = "/v1/images/import?name=a";
  const auto first = keyed(at, "k1", "POST", target, "content");
  CHECK(first.status == 200);
  at.images.last_content.clear();
  const auto again = keyed(at, "k1", "POST", target, "content");
  CHECK(again.text == first.text);
  CHECK(replayed(again));
  CHECK(at.images.last_content.empty());
  CHECK(keyed(at, "k1", "POST", target, "other content").status == 422);
  const auto removed = keyed(at, "k2", "DELETE", "/v1/images", R"({"url":"a"})");
  CHECK(removed.item(0, "images").at("status") == "success");
  CHECK(keyed(at, "k2", "DELETE", "/v1/images", R"({"url":"a"})").text == removed.text);
  begin_and_die(at, "k3", "DELETE", "/v1/images", R"({"url":"a"})");
  CHECK(keyed(at, "k3", "DELETE", "/v1/images", R"({"url":"a"})").item(0, "images").at("status") ==
        "success");
}

TEST_CASE("derived uuids are uuids, and differ by principal, key and item") {
  const http::request_identity one({"p", ""}, "k");
  const auto uuid = one.uuid_of_item(0);
  CHECK(uuid.size() == 36);
  CHECK(uuid[14] == '8');
  CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
  CHECK(http::request_identity({"p", ""}, "k").uuid_of_item(0) == uuid);
  CHECK(one.uuid_of_item(1) != uuid);
  CHECK(http::request_identity({"pk", ""}, "").uuid_of_item(0) != uuid);
  CHECK(http::request_identity({"p", ""}, "k2").uuid_of_item(0) != uuid);
}
