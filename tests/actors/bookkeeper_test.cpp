#include "actors/bookkeeper.hpp"

#include <catch2/catch.hpp>
#include <future>

#include "actors/replay.hpp"
#include "actors/state_codec.hpp"
#include "events/hash.hpp"
#include "store/append_and_wait.hpp"
#include "store/memory_log.hpp"

using namespace platen;
using namespace platen::actors;

namespace {

// A log whose checkpoints can be awaited.
struct kept_log {
  explicit kept_log(std::uint64_t every_events, std::chrono::milliseconds at_latest) {
    how.every_events = every_events;
    how.at_latest = at_latest;
    how.now_us = [] { return std::int64_t{1}; };
    how.witness = [this](const events::checkpoint_signed& value) {
      const std::lock_guard guard(mutex);
      seen.push_back(value);
      changed.notify_all();
    };
  }

  void append(const std::string& id) {
    events::instance_requested requested;
    requested.name = id;
    REQUIRE(store::append_and_wait(log, {instance_stream(id), 0, {}, 1, {requested}}));
  }

  events::checkpoint_signed await_checkpoint(std::size_t number) {
    std::unique_lock guard(mutex);
    REQUIRE(
        changed.wait_for(guard, std::chrono::seconds(30), [&] { return seen.size() >= number; }));
    return seen[number - 1];
  }

  void check(const events::checkpoint_signed& value) {
    const auto world = replay(log, value.through).value();
    CHECK(value.state_hash == digest_of(world).to_hex());
    CHECK(value.entities == world.instances.size());
    CHECK(value.state_format == state_format());
    CHECK(value.public_key == key.public_key());
    CHECK(store::check_signature(value));
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<events::checkpoint_signed> seen;
  store::memory_log log;
  store::memory_state_cache cache;
  store::signing_key key = store::signing_key::generate().value();
  bookkeeper::options how;
};

constexpr std::chrono::hours never{1};

}  // namespace

TEST_CASE("a checkpoint follows after the given number of events, and vouches for the state") {
  kept_log kept(3, never);
  bookkeeper books(kept.how, kept.log, kept.cache, kept.key);
  kept.append("a");
  kept.append("b");
  kept.append("c");
  const auto value = kept.await_checkpoint(1);
  CHECK(value.through == 3);
  kept.check(value);
}

TEST_CASE("a checkpoint follows at the latest after the given time, and then none without events") {
  kept_log kept(1'000'000, std::chrono::milliseconds(1));
  {
    bookkeeper books(kept.how, kept.log, kept.cache, kept.key);
    kept.append("a");
    kept.check(kept.await_checkpoint(1));
    kept.append("b");
    kept.check(kept.await_checkpoint(2));
  }
  CHECK(kept.seen.size() == 2);
  CHECK(kept.log.newest().sequence == 4);
}

TEST_CASE("what was appended last is covered before the end, and the next start folds nothing") {
  kept_log kept(1'000'000, never);
  {
    bookkeeper books(kept.how, kept.log, kept.cache, kept.key);
    kept.append("a");
  }
  REQUIRE(kept.seen.size() == 1);
  kept.check(kept.seen[0]);
  const auto loaded = load_world(kept.log, &kept.cache).value();
  CHECK(loaded.states_taken == 1);
  CHECK(loaded.events_folded == 1);  // the checkpoint itself
}

TEST_CASE("a daemon that only starts and ends adds one checkpoint, over events of before") {
  kept_log kept(1'000'000, never);
  kept.append("a");
  { bookkeeper books(kept.how, kept.log, kept.cache, kept.key); }
  CHECK(kept.log.newest().sequence == 2);
  { bookkeeper books(kept.how, kept.log, kept.cache, kept.key); }
  CHECK(kept.seen.back().through == 2);
}

TEST_CASE("a log that refuses is told of, and ends nothing") {
  kept_log kept(1'000'000, never);
  std::vector<std::string> warnings;
  kept.how.warn = [&](const std::string& what) { warnings.push_back(what); };
  kept.append("a");
  {
    bookkeeper books(kept.how, kept.log, kept.cache, kept.key);
    kept.log.fail("no space left");
  }
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("no space left") != std::string::npos);
}
