#include "tools/platen/log/time_machine.hpp"

#include "tools/platen/log/state_fields.hpp"

namespace platen::cli {
namespace {

constexpr std::size_t most_checkpoints = 64;
constexpr std::size_t most_entities_kept = 200'000;

std::size_t entities_in(const actors::world& all) {
  return all.templates.size() + all.instances.size();
}

// A world of at most one entity: what a stream's events alone make.
void take_over(actors::world& into, const actors::world& from, const std::string& stream) {
  const auto id = stream.substr(stream.find('/') + 1);
  if (const auto one = from.templates.find(id); one != from.templates.end())
    into.templates.insert(*one);
  if (const auto one = from.instances.find(id); one != from.instances.end())
    into.instances.insert(*one);
}

}  // namespace

void time_machine::fold(const events::envelope& event) {
  actors::apply(now_, event);
  ++position_;
  if (position_ % interval_ == 0) keep_checkpoint();
}

void time_machine::keep_checkpoint() {
  checkpoints_.try_emplace(position_, now_);
  const auto too_many = [this] {
    std::size_t entities = 0;
    for (const auto& [position, world] : checkpoints_)
      entities += entities_in(world);
    return checkpoints_.size() > most_checkpoints || entities > most_entities_kept;
  };
  while (!checkpoints_.empty() && too_many()) {
    interval_ *= 2;
    std::erase_if(checkpoints_, [this](const auto& one) { return one.first % interval_ != 0; });
  }
}

std::pair<std::size_t, actors::world> time_machine::world_at_most(std::size_t position) const {
  const auto past = checkpoints_.upper_bound(position);
  if (past == checkpoints_.begin()) return {};
  return *std::prev(past);
}

result<void> time_machine::move_to(std::size_t position) {
  const auto past = checkpoints_.upper_bound(position);
  const auto kept = past == checkpoints_.begin() ? 0 : std::prev(past)->first;
  if (position < position_ || kept > position_) {
    auto [from, world] = world_at_most(position);
    position_ = from;
    now_ = std::move(world);
  }
  return log_.each(position_, position, [this](const events::envelope& event) {
    fold(event);
    return true;
  });
}

result<bool> time_machine::forward_to(const matcher& matches) {
  bool found = false;
  const auto read = log_.each(position_, log_.size(), [&](const events::envelope& event) {
    fold(event);
    found = matches(event, now_);
    return !found;
  });
  if (!read) return tl::unexpected(read.error());
  return found;
}

// The position after the newest match among the events from..to-1; 0 if there is none.
result<std::size_t> time_machine::newest_match(std::size_t from, actors::world world,
                                               std::size_t to, const matcher& matches) const {
  std::size_t newest = 0;
  auto position = from;
  const auto read = log_.each(from, to, [&](const events::envelope& event) {
    actors::apply(world, event);
    ++position;
    if (matches(event, world)) newest = position;
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return newest;
}

result<bool> time_machine::back_to(const matcher& matches) {
  auto end = position_ == 0 ? 0 : position_ - 1;
  while (end > 0) {
    auto [from, world] = world_at_most(end - 1);
    const auto newest = newest_match(from, std::move(world), end, matches);
    if (!newest) return tl::unexpected(newest.error());
    if (*newest != 0) {
      const auto moved = move_to(*newest);
      if (!moved) return tl::unexpected(moved.error());
      return true;
    }
    end = from;
  }
  const auto moved = move_to(0);
  if (!moved) return tl::unexpected(moved.error());
  return false;
}

result<std::vector<actors::field_change>> time_machine::present_changes() const {
  const auto present = log_.at(position_ - 1);
  if (!present) return tl::unexpected(present.error());
  const auto past = checkpoints_.upper_bound(position_ - 1);
  std::size_t from = 0;
  actors::world before;
  if (past != checkpoints_.begin()) {
    from = std::prev(past)->first;
    take_over(before, std::prev(past)->second, present->stream);
  }
  const auto read = log_.each(from, position_ - 1, [&](const events::envelope& event) {
    if (event.stream == present->stream) actors::apply(before, event);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return entity_changes(before, now_, present->stream);
}

}  // namespace platen::cli
