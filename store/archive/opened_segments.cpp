#include "store/archive/opened_segments.hpp"

#include <algorithm>
#include <filesystem>

#include "store/files.hpp"

namespace platen::store {

namespace {
constexpr std::size_t entries_max = 4;
}

std::string opened_segments::path_of(const std::string& file_name) const {
  return (std::filesystem::path(directory_) / file_name).string();
}

result<std::shared_ptr<const segment_reader>> opened_segments::get(const std::string& file_name) {
  const auto path = path_of(file_name);
  auto& env = env_or_default(env_);
  entry wanted{file_name, 0, 0, nullptr};
  const bool there = env.GetFileSize(path, &wanted.bytes).ok() &&
                     env.GetFileModificationTime(path, &wanted.changed_s).ok();
  if (there)
    if (auto found = find(wanted)) return found;
  auto opened = segment_reader::open(path, env_);
  if (!opened) return tl::unexpected(opened.error());
  wanted.file = std::make_shared<const segment_reader>(std::move(*opened));
  auto file = wanted.file;
  if (there) keep(std::move(wanted));
  return file;
}

std::shared_ptr<const segment_reader> opened_segments::find(const entry& wanted) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const entry& each) {
    return each.file_name == wanted.file_name && each.bytes == wanted.bytes &&
           each.changed_s == wanted.changed_s;
  });
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front().file;
}

void opened_segments::keep(entry opened) {
  const std::lock_guard lock(mutex_);
  entries_.remove_if([&](const entry& each) { return each.file_name == opened.file_name; });
  entries_.push_front(std::move(opened));
  if (entries_.size() > entries_max) entries_.pop_back();
}

}  // namespace platen::store
