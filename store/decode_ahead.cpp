#include "store/decode_ahead.hpp"

#include <algorithm>

namespace platen::store {

record_batch::record_batch(std::size_t records_expected) {
  constexpr std::size_t usual_record = 400;
  records_.reserve(records_expected);
  bytes_.reserve(records_expected * usual_record);
}

void record_batch::add(std::uint64_t sequence, std::string_view bytes) {
  // Where the parts of a record are read in place.
  constexpr std::size_t alignment = 8;
  bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
  records_.push_back({sequence, bytes_.size(), bytes.size()});
  bytes_ += bytes;
}

void record_batch::decode() {
  events_.reserve(records_.size());
  for (std::size_t i = 0; i < records_.size(); ++i)
    read_record_into(events_.emplace_back(), sequence(i), record(i));
}

std::string_view record_batch::record(std::size_t index) const {
  const auto& place = records_[index];
  return std::string_view(bytes_).substr(place.begin, place.size);
}

decode_ahead::~decode_ahead() {
  for (auto& helper : helpers_)
    helper.request_stop();
}

void decode_ahead::add(record_batch batch) {
  {
    const std::lock_guard lock(mutex_);
    pending_.push_back(std::make_unique<entry>(entry{std::move(batch)}));
  }
  if (pending_.size() > 1 && helpers_.empty()) start_helpers();
  changed_.notify_all();
}

record_batch decode_ahead::take() {
  std::unique_lock lock(mutex_);
  entry& oldest = *pending_.front();
  if (oldest.at == progress::waiting) {
    oldest.at = progress::under_way;
    lock.unlock();
    oldest.batch.decode();
    lock.lock();
  } else {
    changed_.wait(lock, [&] { return oldest.at == progress::done; });
  }
  auto batch = std::move(oldest.batch);
  pending_.pop_front();
  return batch;
}

void decode_ahead::start_helpers() {
  // The reader decodes as well; more than a few would only wait for it.
  const auto count = std::clamp(std::thread::hardware_concurrency(), 2U, 4U) - 1;
  for (unsigned i = 0; i < count; ++i)
    helpers_.emplace_back([this](const std::stop_token& stop) { help(stop); });
}

void decode_ahead::help(const std::stop_token& stop) {
  const auto waiting = [](const auto& each) { return each->at == progress::waiting; };
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop,
                       [&] { return std::any_of(pending_.begin(), pending_.end(), waiting); })) {
    // A batch under way stays where it is, so the entry outlives its decoding.
    entry& mine = **std::find_if(pending_.begin(), pending_.end(), waiting);
    mine.at = progress::under_way;
    lock.unlock();
    mine.batch.decode();
    lock.lock();
    mine.at = progress::done;
    changed_.notify_all();
  }
}

}  // namespace platen::store
