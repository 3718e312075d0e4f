#include "tools/platend/crash_point.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <utility>

namespace platen::platend {
namespace {

using store::commit_stage;

constexpr std::array<std::pair<const char*, commit_stage>, 3> moments{
    {{"before_write", commit_stage::before_write},
     {"synced", commit_stage::synced},
     {"answered", commit_stage::answered}}};

std::optional<commit_stage> moment_named(const std::string& name) {
  for (const auto& [known, moment] : moments)
    if (name == known) return moment;
  return std::nullopt;
}

}  // namespace

tl::expected<store::commit_watcher, std::string> crash_point_from(
    const std::function<std::optional<std::string>(const std::string& variable)>& environment) {
  const auto at = environment("PLATEN_CRASH_AT_SEQUENCE");
  if (!at) return nullptr;
  std::uint64_t sequence = 0;
  const auto* const end = at->data() + at->size();
  if (const auto [stop, error] = std::from_chars(at->data(), end, sequence);
      error != std::errc{} || stop != end || sequence == 0)
    return tl::unexpected("PLATEN_CRASH_AT_SEQUENCE: expected a sequence from 1, found '" + *at +
                          "'");
  const auto when = environment("PLATEN_CRASH_WHEN").value_or(moments.front().first);
  const auto moment = moment_named(when);
  if (!moment)
    return tl::unexpected("PLATEN_CRASH_WHEN: expected before_write, synced or answered, found '" +
                          when + "'");
  spdlog::warn("for tests: SIGKILL at sequence {} ({})", sequence, when);
  return [sequence, moment = *moment](commit_stage stage, std::uint64_t newest) {
    if (stage == moment && newest >= sequence) kill(getpid(), SIGKILL);
  };
}

}  // namespace platen::platend
