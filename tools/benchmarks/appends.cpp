#include "tools/benchmarks/appends.hpp"

#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "events/codec.hpp"
#include "tools/benchmarks/stopwatch.hpp"

namespace platen::benchmarks {

namespace {

constexpr const char* an_id = "5b0e1c1e-6a4a-4c9e-9b1f-0d3f6f3a2b10";

store::append_request request_of(const std::string& stream, std::uint64_t version) {
  events::clone_granted granted;
  granted.instance_id = an_id;
  granted.snapshot_id = std::string(an_id) + "-1";
  return {stream,
          version,
          {an_id, "token:9f86d081884c7d65", events::origin::api, "request_clone"},
          1'763'791'200'000'000,
          {std::move(granted)}};
}

// One caller that appends the next event as soon as the one before is durable.
class closed_loop {
 public:
  closed_loop(store::event_log& log, std::size_t in_flight, std::size_t total)
      : log_(log), left_(total), versions_(in_flight) {}

  append_rate run(const std::string& name) {
    const stopwatch all;
    const std::size_t total = left_;
    running_ = versions_.size();
    for (std::size_t i = 0; i < versions_.size(); ++i)
      next(name + "/" + std::to_string(i), i);
    std::unique_lock guard(mutex_);
    done_.wait(guard, [&] { return running_ == 0; });
    return {static_cast<double>(total) / all.seconds(), each_.quantile_us(0.5),
            each_.quantile_us(0.99)};
  }

 private:
  void next(const std::string& stream, std::size_t loop) {
    {
      const std::lock_guard guard(mutex_);
      if (left_ == 0) {
        if (--running_ == 0) done_.notify_one();
        return;
      }
      --left_;
    }
    const stopwatch one;
    log_.append(request_of(stream, versions_[loop]++),
                [this, stream, loop, one](const store::result<store::appended>& outcome) {
                  if (!outcome) throw std::runtime_error(outcome.error().message);
                  {
                    const std::lock_guard guard(mutex_);
                    each_.add(one.seconds());
                  }
                  next(stream, loop);
                });
  }

  store::event_log& log_;
  std::size_t left_;
  std::size_t running_ = 0;
  std::vector<std::uint64_t> versions_;
  latencies each_;
  std::mutex mutex_;
  std::condition_variable done_;
};

}  // namespace

append_rate measure_appends(store::event_log& log, std::size_t in_flight, std::size_t total,
                            const std::string& streams) {
  return closed_loop(log, in_flight, total).run(streams);
}

std::size_t appended_record_bytes() {
  const auto request = request_of("loop64/10", 1);
  events::envelope value;
  value.stream = request.stream;
  value.why = request.why;
  value.what = request.what.front();
  return events::encode(value).size();
}

}  // namespace platen::benchmarks
