#include "actors/bookkeeper.hpp"

#include "actors/state_codec.hpp"
#include "store/append_and_wait.hpp"

namespace platen::actors {

bookkeeper::bookkeeper(options how, store::event_log& log, store::state_cache& cache,
                       const store::signing_key& key)
    : how_(std::move(how)), log_(log), cache_(cache), key_(key) {
  subscription_ = log_.subscribe([this](std::uint64_t newest) {
    const std::lock_guard guard(mutex_);
    newest_ = newest;
    if (!due_ && newest_ > covered_) due_ = clock::now() + how_.at_latest;
    changed_.notify_one();
  });
  newest_ = log_.newest().sequence;
  if (newest_ > 0) due_ = clock::now() + how_.at_latest;
  thread_ = std::thread([this] { run(); });
}

bookkeeper::~bookkeeper() {
  finish();
}

void bookkeeper::finish() {
  {
    const std::lock_guard guard(mutex_);
    finishing_ = true;
    changed_.notify_one();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  log_.unsubscribe(subscription_);
}

void bookkeeper::run() {
  while (await_work())
    cover();
  cover();
}

bool bookkeeper::await_work() {
  std::unique_lock guard(mutex_);
  const auto enough = [&] { return finishing_ || newest_ >= covered_ + how_.every_events; };
  while (!enough() && (!due_ || clock::now() < *due_)) {
    if (due_)
      changed_.wait_until(guard, *due_);
    else
      changed_.wait(guard);
  }
  due_.reset();
  return !finishing_;
}

void bookkeeper::cover() {
  {
    const std::lock_guard guard(mutex_);
    if (newest_ <= covered_) return;
  }
  const auto now = bring_up_to_date(log_, cache_);
  if (!now) return warn("the cache of states was not written: " + now.error().message);
  const auto& digest = now->digest;
  const auto value = key_.sign({now->at, digest.to_hex(), state_format(), digest.entities()});
  if (!value) return warn(value.error());
  const auto version = log_.stream_version(checkpoint_stream);
  if (!version) return warn(version.error().message);
  const auto appended =
      store::append_and_wait(log_, {checkpoint_stream,
                                    *version,
                                    {"", "platend", events::origin::system, "checkpoint"},
                                    how_.now_us(),
                                    {*value}});
  if (!appended) return warn("no checkpoint was written: " + appended.error().message);
  {
    const std::lock_guard guard(mutex_);
    // Its own event needs no other checkpoint, unless something came in between.
    covered_ = appended->first_sequence == now->at.sequence + 1 ? appended->first_sequence
                                                                : now->at.sequence;
    if (newest_ <= covered_) due_.reset();
  }
  if (how_.witness) how_.witness(*value);
}

void bookkeeper::warn(const std::string& what) const {
  if (how_.warn) how_.warn(what);
}

}  // namespace platen::actors
