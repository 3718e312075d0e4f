// The state cache: what is folded into it, and starting from it.
#include <catch2/catch.hpp>

#include "actors/state_codec.hpp"
#include "actors/state_keeper.hpp"
#include "store/memory_log.hpp"

using namespace platen;
using namespace platen::actors;

namespace {

// A log with a few lives in it.
struct history {
  history() {
    for (int i = 0; i < 5; ++i)
      add_template("t" + std::to_string(i));
    for (int i = 0; i < 20; ++i)
      add_instance("i" + std::to_string(i), "t" + std::to_string(i % 5));
    add("instance/i3", {events::instance_deleted{}});
    add("template/t1", {events::template_deleted{}});  // with clones in flight
    add("system/platend", {events::daemon_started{}});
  }

  void add_template(const std::string& id) {
    events::template_requested requested;
    requested.name = "name of " + id;
    requested.spec->image = "demo";
    events::preparation_started started;
    started.attempt = 1;
    events::template_snapshotted snapshotted;
    snapshotted.snapshot_id = id + "-1";
    add("template/" + id, {requested, started, snapshotted});
  }

  void add_instance(const std::string& id, const std::string& of) {
    events::clone_granted granted;
    granted.instance_id = id;
    add("template/" + of, {granted});
    events::instance_requested requested;
    requested.name = "name of " + id;
    requested.template_id = of;
    add("instance/" + id, {requested});
  }

  void add(const std::string& stream, std::vector<events::event> what) {
    std::uint64_t version = 0;
    REQUIRE(log.read_stream(stream, 0, [&](const auto& event) {
      version = event.version;
      return true;
    }));
    log.append({stream, version, {"req", "token", events::origin::api}, ++now_us, std::move(what)},
               [](const auto& done) { REQUIRE(done); });
  }

  std::int64_t now_us = 1;
  store::memory_log log;
  store::memory_state_cache cache;
};

world living(world all) {
  std::erase_if(all.templates, [](const auto& entry) { return forgettable(entry.second); });
  std::erase_if(all.instances, [](const auto& entry) { return forgettable(entry.second); });
  return all;
}

void check_equal(const world& left, const world& right) {
  CHECK(left.sequence == right.sequence);
  CHECK(left.templates == right.templates);
  CHECK(left.instances == right.instances);
}

}  // namespace

TEST_CASE("P3: the state after a start from the cache is the state folded from the whole log") {
  history h;
  REQUIRE(bring_up_to_date(h.log, h.cache));
  const auto cached = load_world(h.log, &h.cache).value();
  CHECK(cached.events_folded == 0);
  CHECK(cached.states_taken == 5 + 19);
  check_equal(cached.all, living(replay(h.log).value()));
  CHECK(digest_of(cached.all) == digest_of(replay(h.log).value()));
}

TEST_CASE("only the events since the cache was written are folded at a start") {
  history h;
  REQUIRE(bring_up_to_date(h.log, h.cache));
  h.add_instance("late", "t0");
  h.add("instance/i4", {events::instance_deleted{}});
  const auto loaded = load_world(h.log, &h.cache).value();
  CHECK(loaded.events_folded == 3);
  check_equal(loaded.all, living(replay(h.log).value()));
}

TEST_CASE("a cache that is kept up to date step by step equals one made at once") {
  history h;
  REQUIRE(bring_up_to_date(h.log, h.cache));
  h.add_instance("late", "t0");
  h.add("instance/late", {events::instance_deleted{}});
  h.add("instance/i5", {events::instance_deleted{}});
  const auto stepwise = bring_up_to_date(h.log, h.cache).value();
  store::memory_state_cache other;
  const auto at_once = bring_up_to_date(h.log, other).value();
  CHECK(stepwise.at == h.log.newest());
  CHECK(stepwise.digest == at_once.digest);
  CHECK(stepwise.digest == digest_of(replay(h.log).value()));
  CHECK(h.cache.mark().value() == other.mark().value());
}

TEST_CASE("events for an entity that was forgotten change nothing") {
  history h;
  h.add("instance/i6", {events::instance_deleted{}});
  REQUIRE(bring_up_to_date(h.log, h.cache));
  h.add("instance/i6", {events::instance_failed{}});
  const auto kept = bring_up_to_date(h.log, h.cache).value();
  CHECK(kept.digest == digest_of(load_world(h.log, nullptr).value().all));
  CHECK_FALSE(h.cache.find("instance/i6").value());
}

TEST_CASE("a start without a cache folds the whole log") {
  history h;
  CHECK(load_world(h.log, nullptr).value().events_folded == h.log.newest().sequence);
  const auto empty = load_world(h.log, &h.cache).value();
  CHECK(empty.events_folded == h.log.newest().sequence);
  CHECK(empty.cache_refused.empty());
}

TEST_CASE("a cache that does not fit is thrown away, and the log decides") {
  history h;
  REQUIRE(bring_up_to_date(h.log, h.cache));
  auto mark = h.cache.mark().value().value();
  std::string why;
  SECTION("of another format") {
    mark.format = "state-0";
    why = "format";
    REQUIRE(h.cache.write(mark, {}));
  }
  SECTION("of another log") {
    mark.at.hash[0] ^= 1;
    why = "another log";
    REQUIRE(h.cache.write(mark, {}));
  }
  SECTION("of a log that was longer") {
    ++mark.at.sequence;
    why = "another log";
    REQUIRE(h.cache.write(mark, {}));
  }
  SECTION("of a log that went on differently") {
    mark.at.sequence -= 2;
    why = "another log";
    REQUIRE(h.cache.write(mark, {}));
  }
  SECTION("with a state that was changed") {
    auto state = load_world(h.log, nullptr).value().all.instances.at("i2");
    state.attempt = 7;
    why = "digest";
    REQUIRE(h.cache.write(mark, {{"instance/i2", encode_state(state)}}));
  }
  SECTION("with a state that is missing") {
    why = "digest";
    REQUIRE(h.cache.write(mark, {{"instance/i2", std::nullopt}}));
  }
  SECTION("with a state that cannot be read") {
    why = "instance/i2";
    REQUIRE(h.cache.write(mark, {{"instance/i2", "?"}}));
  }
  const auto loaded = load_world(h.log, &h.cache).value();
  CHECK(loaded.cache_refused.find(why) != std::string::npos);
  CHECK(loaded.events_folded == h.log.newest().sequence);
  check_equal(loaded.all, living(replay(h.log).value()));
  CHECK_FALSE(h.cache.mark().value());
}
