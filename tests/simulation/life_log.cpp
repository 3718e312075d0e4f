#include "tests/simulation/life_log.hpp"

#include <optional>

namespace platen::simulation {

using store::error;

void life_log::append(store::append_request request, append_callback done) {
  const auto refuse = [&](error::kind why, const char* message) {
    done(tl::unexpected(error{why, message}));
  };
  if (dead_) return refuse(error::kind::closed, "the process is gone");
  if (failed_) return refuse(error::kind::io, "the disk failed before");
  if (may_hold_ && random_.per_mille(weather_.busy_log))
    return refuse(error::kind::busy, "the queue is full");
  // A later append must not overtake an earlier one.
  if (!held_.empty() || (may_hold_ && random_.per_mille(weather_.held_commits))) {
    held_.push_back({std::move(request), std::move(done)});
    return;
  }
  disk_.append(std::move(request), std::move(done));
}

std::deque<life_log::waiting> life_log::take(std::size_t count) {
  std::deque<waiting> group;
  for (; count > 0 && !held_.empty(); --count) {
    group.push_back(std::move(held_.front()));
    held_.pop_front();
  }
  return group;
}

void life_log::commit(std::size_t count) {
  auto group = take(count);
  std::deque<store::result<store::appended>> outcomes;
  for (auto& member : group)
    disk_.append(std::move(member.request), [&](auto outcome) { outcomes.push_back(outcome); });
  // Answers come after the whole group is durable.
  for (auto& member : group) {
    member.done(std::move(outcomes.front()));
    outcomes.pop_front();
  }
}

void life_log::write_some_of_the_held() {
  const auto survivors = random_.below(held_.size() + 1);
  for (std::size_t i = 0; i < survivors; ++i)
    disk_.append(std::move(held_[i].request), [](const auto&) {});
}

void life_log::fail() {
  failed_ = true;
  write_some_of_the_held();
  for (auto& member : take(held_.size()))
    member.done(tl::unexpected(error{error::kind::io, "the disk failed"}));
}

void life_log::die() {
  dead_ = true;
  write_some_of_the_held();
  held_.clear();
}

}  // namespace platen::simulation
