#include "store/sequencer.hpp"

#include <utility>

namespace platen::store {

result<std::uint64_t> sequencer::version_of(const std::string& stream) const {
  for (const auto* const known : {&recent_, &older_})
    if (const auto found = known->find(stream); found != known->end()) return found->second;
  return written_(stream);
}

void sequencer::remember(const std::string& stream, std::uint64_t version) {
  recent_[stream] = version;
  if (recent_.size() < remembered_streams) return;
  older_ = std::exchange(recent_, {});
}

result<sequenced> sequencer::assign(const prepared_append& request) {
  const auto version = version_of(request.stream);
  if (!version) return tl::unexpected(version.error());
  if (*version != request.expected_version)
    return tl::unexpected(error{error::kind::version_conflict,
                                request.stream + " is at version " + std::to_string(*version) +
                                    ", the append expected " +
                                    std::to_string(request.expected_version)});

  sequenced result;
  result.place = {newest_.sequence + 1, *version + request.what.size()};
  result.records.reserve(request.what.size());
  events::envelope place;
  place.stream = request.stream;
  place.version = *version;
  place.time_us = request.time_us;
  place.why = request.why;
  for (const auto& what : request.what) {
    place.sequence = newest_.sequence + 1;
    ++place.version;
    place.previous_hash = newest_.hash;
    result.records.push_back(events::encode_record(place, what));
    newest_ = {place.sequence, place.hash};
  }
  remember(request.stream, place.version);
  return result;
}

}  // namespace platen::store
