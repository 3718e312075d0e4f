#include "tools/platen/log/replay_checks.hpp"

#include <map>

#include "actors/state_codec.hpp"

namespace platen::cli {
namespace {

struct stored_hash {
  std::uint64_t checkpoint = 0;
  std::string hash;
};

// What the checkpoints of a log say, by the sequence they speak of; several may speak of one.
result<std::multimap<std::uint64_t, stored_hash>> stored_hashes(const spool& log,
                                                                stored_hash_report& report) {
  std::multimap<std::uint64_t, stored_hash> out;
  const auto read = log.each([&](const events::envelope& event) {
    const auto* checkpoint = std::get_if<events::checkpoint_signed>(&event.what);
    if (checkpoint == nullptr) return true;
    if (checkpoint->state_hash.empty())
      ++report.without_hash;
    else if (checkpoint->state_format != actors::state_format())
      ++report.other_format;
    else
      out.emplace(checkpoint->through, stored_hash{event.sequence, checkpoint->state_hash});
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return out;
}

bool is_withheld(const events::event& what) {
  const auto* unknown = std::get_if<events::unknown_event>(&what);
  return unknown != nullptr && unknown->bytes.empty();
}

class version_comparison {
 public:
  explicit version_comparison(const state_line_source& theirs) : theirs_(theirs) {}

  result<void> begin() { return advance(); }

  // Ours after one event; both sides are in the order of the log.
  result<void> compare(const state_line& ours) {
    while (next_ && next_->sequence < ours.sequence) {
      note(next_->sequence, std::nullopt, next_->hash);
      if (auto read = advance(); !read) return read;
    }
    ++report.compared;
    if (!next_ || next_->sequence != ours.sequence) {
      note(ours.sequence, ours.hash, std::nullopt);
      return {};
    }
    if (*next_ != ours) note(ours.sequence, ours.hash, next_->hash);
    return advance();
  }

  result<void> end() {
    while (next_) {
      note(next_->sequence, std::nullopt, next_->hash);
      if (auto read = advance(); !read) return read;
    }
    return {};
  }

  version_report report;

 private:
  result<void> advance() {
    auto line = theirs_();
    if (!line) return tl::unexpected(line.error());
    next_ = *std::move(line);
    return {};
  }

  void note(std::uint64_t sequence, std::optional<std::string> ours,
            std::optional<std::string> theirs) {
    if (report.disagreed++ == 0)
      report.first = version_report::disagreement{sequence, std::move(ours), std::move(theirs)};
  }

  const state_line_source& theirs_;
  std::optional<state_line> next_;
};

}  // namespace

result<stored_hash_report> check_stored_hashes(const spool& log) {
  stored_hash_report report;
  const auto stored = stored_hashes(log, report);
  if (!stored) return tl::unexpected(stored.error());
  actors::world all;
  world_digests digests;
  bool complete = log.size() == 0 || log.sequence_at(0) == 1;
  const auto read = log.each([&](const events::envelope& event) {
    actors::apply(all, event);
    digests.changed(event.stream);
    if (actors::is_entity_stream(event.stream) && is_withheld(event.what)) complete = false;
    const auto [begin, end] = stored->equal_range(event.sequence);
    if (begin == end) return true;
    if (!complete) {
      report.incomplete += static_cast<std::uint64_t>(std::distance(begin, end));
      return true;
    }
    const auto computed = digests.of(all).to_hex();
    for (auto one = begin; one != end; ++one) {
      if (one->second.hash == computed) {
        ++report.agreed;
      } else if (report.disagreed++ == 0) {
        report.first = stored_hash_report::disagreement{event.sequence, one->second.checkpoint,
                                                        one->second.hash, computed};
      }
    }
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return report;
}

result<version_report> compare_versions(const spool& log, const state_line_source& theirs) {
  version_comparison comparison(theirs);
  if (auto begun = comparison.begin(); !begun) return tl::unexpected(begun.error());
  actors::world all;
  result<void> outcome;
  const auto read = log.each([&](const events::envelope& event) {
    actors::apply(all, event);
    if (const auto ours = line_of(all, event)) outcome = comparison.compare(*ours);
    return outcome.has_value();
  });
  if (!read) return tl::unexpected(read.error());
  if (outcome) outcome = comparison.end();
  if (!outcome) return tl::unexpected(outcome.error());
  return comparison.report;
}

}  // namespace platen::cli
