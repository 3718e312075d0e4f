#include "store/segment/segment_log.hpp"

#include <algorithm>

namespace platen::store {

namespace {

std::string range(std::uint64_t first, std::uint64_t last) {
  return first == last ? "event " + std::to_string(first)
                       : "events " + std::to_string(first) + " to " + std::to_string(last);
}

// Nothing if `next` continues `before`.
result<void> check_continues(const segment_reader& before, const segment_reader& next) {
  const auto refuse = [](std::string why) {
    return tl::unexpected(error{error::kind::invalid, std::move(why)});
  };
  const std::uint64_t expected = before.info().last + 1;
  const std::uint64_t found = next.info().first;
  if (found > expected)
    return refuse(range(expected, found - 1) + " between " + before.path() + " and " + next.path() +
                  " are in none of the files; name the file that has them, too");
  if (found < expected)
    return refuse(before.path() + " and " + next.path() + " both have event " +
                  std::to_string(found) + "; leave one of them out");
  if (next.info().hash_before != before.info().hash)
    return refuse(next.path() + " does not continue " + before.path() +
                  ": they are of different logs");
  return {};
}

}  // namespace

result<std::unique_ptr<segment_log>> segment_log::open(const std::vector<std::string>& paths) {
  if (paths.empty())
    return tl::unexpected(error{error::kind::invalid, "there is no log segment to open"});
  std::vector<segment_reader> files;
  for (const auto& path : paths) {
    auto file = segment_reader::open(path);
    if (!file) return tl::unexpected(file.error());
    files.push_back(std::move(*file));
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.info().first < b.info().first; });
  for (std::size_t i = 1; i < files.size(); ++i)
    if (auto fits = check_continues(files[i - 1], files[i]); !fits)
      return tl::unexpected(fits.error());
  return std::make_unique<segment_log>(std::move(files));
}

bool segment_log::is_whole() const {
  return first() == 1 && std::all_of(files_.begin(), files_.end(),
                                     [](const auto& file) { return file.info().complete(); });
}

head segment_log::newest() const {
  return {files_.back().info().last, files_.back().info().hash};
}

result<void> segment_log::read_records(std::uint64_t after_sequence,
                                       const record_visitor& visit) const {
  if (after_sequence >= newest().sequence) return {};
  const std::uint64_t before = std::max(after_sequence, first() - 1);
  auto file = std::find_if(files_.begin(), files_.end(),
                           [&](const auto& each) { return each.info().last > before; });
  const auto start = file->head_at(before);
  if (!start) return tl::unexpected(start.error());
  chain_check chain(*start, payloads::may_be_withheld);
  for (; file != files_.end(); ++file) {
    const auto go_on = file->read(chain, visit);
    if (!go_on) return tl::unexpected(go_on.error());
    if (!*go_on) return {};
  }
  return {};
}

result<void> segment_log::read_stream_records(const std::string& stream,
                                              std::uint64_t after_version,
                                              const record_visitor& visit) const {
  return read_records(0, [&](const events::envelope& event, std::string_view record) {
    return event.stream != stream || event.version <= after_version || visit(event, record);
  });
}

void segment_log::append(append_request, append_callback done) {
  done(tl::unexpected(error{error::kind::closed, "log segments are read only"}));
}

}  // namespace platen::store
