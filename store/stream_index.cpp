#include "store/stream_index.hpp"

#include <limits>

#include "store/keys.hpp"
#include "store/record_check.hpp"

namespace platen::store {

result<std::uint64_t> newest_version(const database& db, const std::string& stream) {
  const auto index = db.iterate(family::streams);
  const auto prefix = stream_prefix(stream);
  const auto is_of_stream = [&] { return index->Valid() && index->key().starts_with(prefix); };
  // Most streams that are asked for are new, and to see that forward costs less than half of a
  // search for the last of something.
  index->Seek(prefix);
  if (is_of_stream())
    index->SeekForPrev(stream_key(stream, std::numeric_limits<std::uint64_t>::max()));
  if (!index->status().ok())
    return tl::unexpected(to_error(index->status(), "reading the index of " + stream));
  if (!is_of_stream()) return 0;
  const auto position = stream_position_from_key(index->key().ToStringView());
  if (!position) return corrupt(0, "the index of " + stream + " is malformed");
  return position->version;
}

// Jumps from the last version of one stream to the first of the next.
result<std::uint64_t> indexed_events(const database& db) {
  const std::string after_every_version(9, '\xff');
  std::uint64_t events = 0;
  const auto index = db.iterate(family::streams);
  index->SeekToFirst();
  while (index->Valid()) {
    const auto first = stream_position_from_key(index->key().ToStringView());
    if (!first) return corrupt(0, "a key of `streams` is malformed");
    index->SeekForPrev(stream_prefix(first->stream) + after_every_version);
    if (!index->Valid()) break;
    const auto last = stream_position_from_key(index->key().ToStringView());
    if (!last || last->stream != first->stream)
      return corrupt(0, "a key of `streams` is malformed");
    events += last->version;
    index->Next();
  }
  if (!index->status().ok())
    return tl::unexpected(to_error(index->status(), "reading the index of the streams"));
  return events;
}

}  // namespace platen::store
