#include "store/index_check.hpp"

#include "events/codec.hpp"
#include "store/keys.hpp"
#include "store/record_check.hpp"

namespace platen::store {

namespace {

result<void> check_leads_to(const stream_position& position, std::uint64_t sequence,
                            const std::string& bytes) {
  const auto record = events::decode_header(bytes);
  if (!record) return corrupt(sequence, record.error());
  if (record->stream == position.stream && record->version == position.version) return {};
  return corrupt(sequence, "it is version " + std::to_string(record->version) + " of " +
                               record->stream + ", the index of streams says version " +
                               std::to_string(position.version) + " of " + position.stream);
}

// Adds up what the entries account for.
class account {
 public:
  account(std::uint64_t last, std::uint64_t dropped) : last_(last), dropped_(dropped) {}

  result<void> add(const stream_position& position, std::uint64_t sequence) {
    const bool is_first = position.stream != before_.stream;
    const bool may_begin_late = is_first && dropped_ > 0;
    const std::uint64_t expected = is_first ? 1 : before_.version + 1;
    if (position.version != expected && !may_begin_late)
      return corrupt(sequence, position.stream + " version " + std::to_string(expected) +
                                   " is missing in the index of streams");
    versions_ += position.version - (is_first ? 0 : before_.version);
    if (sequence > dropped_) ++live_;
    before_ = position;
    return {};
  }

  result<void> balance() const {
    if (live_ == last_ - dropped_ && versions_ == last_) return {};
    return corrupt(0, "there are " + std::to_string(last_) + " events, " +
                          std::to_string(last_ - dropped_) +
                          " of them not archived, but the index of streams accounts for " +
                          std::to_string(versions_) + " and " + std::to_string(live_));
  }

 private:
  std::uint64_t last_;
  std::uint64_t dropped_;
  stream_position before_;
  std::uint64_t live_ = 0;      // entries of live events
  std::uint64_t versions_ = 0;  // the last versions of the streams so far, added up
};

}  // namespace

result<void> check_index(rocksdb::Iterator& index, std::uint64_t last, std::uint64_t dropped,
                         const std::function<result<std::string>(std::uint64_t)>& bytes_of) {
  account entries(last, dropped);
  for (index.SeekToFirst(); index.Valid(); index.Next()) {
    const auto position = stream_position_from_key(index.key().ToStringView());
    const auto sequence = number_from_key(index.value().ToStringView());
    if (!position || !sequence) return corrupt(0, "an entry in the index of streams is malformed");
    if (*sequence > last) continue;
    if (auto fits = entries.add(*position, *sequence); !fits) return fits;
    if (*sequence <= dropped) continue;
    const auto bytes = bytes_of(*sequence);
    if (!bytes) return tl::unexpected(bytes.error());
    if (auto right = check_leads_to(*position, *sequence, *bytes); !right) return right;
  }
  if (!index.status().ok())
    return tl::unexpected(to_error(index.status(), "reading the index of streams"));
  return entries.balance();
}

}  // namespace platen::store
