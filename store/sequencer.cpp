#include "store/sequencer.hpp"

namespace platen::store {

sequencer::sequencer(head newest, stream_versions versions)
    : newest_(newest), versions_(std::move(versions)) {}

result<sequenced> sequencer::assign(const prepared_append& request) {
  const auto found = versions_.find(request.stream);
  const std::uint64_t version = found == versions_.end() ? 0 : found->second;
  if (version != request.expected_version)
    return tl::unexpected(error{error::kind::version_conflict,
                                request.stream + " is at version " + std::to_string(version) +
                                    ", the append expected " +
                                    std::to_string(request.expected_version)});

  sequenced result;
  result.place = {newest_.sequence + 1, version + request.what.size()};
  result.records.reserve(request.what.size());
  events::envelope place;
  place.stream = request.stream;
  place.version = version;
  place.time_us = request.time_us;
  place.why = request.why;
  for (const auto& what : request.what) {
    place.sequence = newest_.sequence + 1;
    ++place.version;
    place.previous_hash = newest_.hash;
    result.records.push_back(events::encode_record(place, what));
    newest_ = {place.sequence, place.hash};
  }
  versions_[request.stream] = place.version;
  return result;
}

}  // namespace platen::store
