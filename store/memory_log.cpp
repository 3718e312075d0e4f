#include "store/memory_log.hpp"

#include <mutex>

#include "store/record_check.hpp"

namespace platen::store {

namespace {
constexpr std::size_t waiting_limit = 65'536;
}

void memory_log::append(append_request request, append_callback done) {
  auto prepared = prepare(request);
  if (!prepared) return done(tl::unexpected(prepared.error()));
  {
    std::unique_lock lock(mutex_);
    if (holding_ && failure_.empty()) {
      if (waiting_.size() < waiting_limit) {
        waiting_.push_back({std::move(*prepared), std::move(done)});
        return;
      }
      lock.unlock();
      return done(tl::unexpected(error{error::kind::busy, "too many requests are waiting"}));
    }
  }
  auto outcome = decide(*prepared);
  done(outcome);
  if (outcome) subscribers_.tell(newest().sequence);
}

result<appended> memory_log::decide(const prepared_append& request) {
  const std::unique_lock lock(mutex_);
  if (!failure_.empty()) return tl::unexpected(error{error::kind::io, failure_});
  auto assigned = sequencer_.assign(request);
  if (!assigned) return tl::unexpected(assigned.error());
  auto& positions = streams_[request.stream];
  for (auto& record : assigned->records) {
    records_.push_back(std::make_shared<const std::string>(std::move(record)));
    positions.push_back(records_.size());
  }
  return assigned->place;
}

result<void> memory_log::read_records(std::uint64_t after_sequence,
                                      const record_visitor& visit) const {
  const std::uint64_t last = newest().sequence;
  if (after_sequence >= last) return {};
  head before;
  if (after_sequence > 0) {
    const auto predecessor = read_record(after_sequence, *record(after_sequence));
    if (!predecessor) return tl::unexpected(predecessor.error());
    before = {after_sequence, predecessor->hash};
  }
  chain_check check(before);
  for (std::uint64_t sequence = after_sequence + 1; sequence <= last; ++sequence) {
    const auto bytes = record(sequence);
    const auto event = check.next(sequence, *bytes);
    if (!event) return tl::unexpected(event.error());
    if (!visit(*event, *bytes)) break;
  }
  return {};
}

result<void> memory_log::read_stream_records(const std::string& stream, std::uint64_t after_version,
                                             const record_visitor& visit) const {
  stream_check check(stream, after_version);
  for (std::uint64_t version = after_version + 1;; ++version) {
    const std::uint64_t sequence = sequence_of(stream, version);
    if (sequence == 0) return {};
    const auto bytes = record(sequence);
    const auto event = check.next(sequence, *bytes);
    if (!event) return tl::unexpected(event.error());
    if (!visit(*event, *bytes)) return {};
  }
}

std::shared_ptr<const std::string> memory_log::record(std::uint64_t sequence) const {
  const std::shared_lock lock(mutex_);
  return records_.at(sequence - 1);
}

std::uint64_t memory_log::sequence_of(const std::string& stream, std::uint64_t version) const {
  const std::shared_lock lock(mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end() || version == 0 || version > found->second.size()) return 0;
  return found->second[version - 1];
}

head memory_log::newest() const {
  const std::shared_lock lock(mutex_);
  return sequencer_.newest();
}

std::uint64_t memory_log::subscribe(listener tell) {
  return subscribers_.add(std::move(tell));
}

void memory_log::unsubscribe(std::uint64_t token) {
  subscribers_.remove(token);
}

void memory_log::hold() {
  const std::unique_lock lock(mutex_);
  holding_ = true;
}

std::deque<memory_log::waiting> memory_log::take_waiting() {
  const std::unique_lock lock(mutex_);
  return std::exchange(waiting_, {});
}

void memory_log::commit() {
  auto group = take_waiting();
  const std::uint64_t before = newest().sequence;
  std::vector<result<appended>> outcomes;
  outcomes.reserve(group.size());
  for (const auto& member : group)
    outcomes.push_back(decide(member.request));
  const std::uint64_t after = newest().sequence;
  for (std::size_t i = 0; i < group.size(); ++i)
    group[i].done(outcomes[i]);
  if (after != before) subscribers_.tell(after);
}

void memory_log::release() {
  {
    const std::unique_lock lock(mutex_);
    holding_ = false;
  }
  commit();
}

void memory_log::fail(std::string message) {
  {
    const std::unique_lock lock(mutex_);
    failure_ = std::move(message);
  }
  commit();
}

}  // namespace platen::store
