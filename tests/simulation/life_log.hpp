// The event log as one life of a daemon sees it: commits that are held up, a disk that fails, and
// the end. What was committed stays in the log below, which outlives the daemon.
#pragma once

#include <deque>

#include "store/memory_log.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/weather.hpp"

namespace platen::simulation {

class life_log final : public store::event_log {
 public:
  life_log(store::memory_log& disk, const weather& now, dice& random)
      : disk_(disk), weather_(now), random_(random) {}

  // Decided at once, or held until commit(); refused as busy where the weather is such.
  void append(store::append_request request, append_callback done) override;

  store::result<void> read_stream_records(const std::string& stream, std::uint64_t after_version,
                                          const record_visitor& visit) const override {
    return disk_.read_stream_records(stream, after_version, visit);
  }
  store::result<void> read_records(std::uint64_t after_sequence,
                                   const record_visitor& visit) const override {
    return disk_.read_records(after_sequence, visit);
  }
  store::head newest() const override { return disk_.newest(); }
  std::uint64_t subscribe(listener tell) override { return disk_.subscribe(std::move(tell)); }
  void unsubscribe(std::uint64_t token) override { disk_.unsubscribe(token); }

  // While off, which it is at first, every append is decided at once.
  void may_hold(bool on) { may_hold_ = on; }

  std::size_t held() const { return held_.size(); }

  // Makes the first `count` of those that are held durable, as one group, and answers them.
  void commit(std::size_t count);

  // Some of what is held becomes durable, the rest does not, nobody learns which; everything held
  // and everything later is answered `io`.
  void fail();

  // Whether it did, although nobody may have noticed yet.
  bool failed() const { return failed_; }

  // The same without an answer: the process is gone. Whatever is appended from now on is answered
  // `closed` and goes nowhere.
  void die();

 private:
  struct waiting {
    store::append_request request;
    append_callback done;
  };

  std::deque<waiting> take(std::size_t count);
  void write_some_of_the_held();

  store::memory_log& disk_;
  const weather& weather_;
  dice& random_;
  std::deque<waiting> held_;
  bool may_hold_ = false;
  bool failed_ = false;
  bool dead_ = false;
};

}  // namespace platen::simulation
