#include "store/record_check.hpp"

#include "events/codec.hpp"

namespace platen::store {

tl::unexpected<error> corrupt(std::uint64_t sequence, std::string message) {
  return tl::unexpected(error{error::kind::corrupt,
                              "event " + std::to_string(sequence) + ": " + std::move(message),
                              sequence});
}

namespace {

// A record that belongs elsewhere becomes an error.
void check_place(result<events::envelope>& record, std::uint64_t sequence) {
  if (record && record->sequence != sequence)
    record =
        corrupt(sequence, "the record in this place is event " + std::to_string(record->sequence));
}

}  // namespace

result<events::envelope> read_record(std::uint64_t sequence, std::string_view bytes,
                                     payloads expected) {
  const bool cut = expected == payloads::may_be_withheld && events::is_withheld(bytes);
  auto record =
      (cut ? events::decode_header(bytes) : events::decode(bytes)).map_error([&](auto message) {
        return corrupt(sequence, std::move(message)).value();
      });
  check_place(record, sequence);
  return record;
}

void read_record_into(result<events::envelope>& slot, std::uint64_t sequence,
                      std::string_view bytes) {
  if (!slot) slot = events::envelope();
  if (const auto decoded = events::decode_into(*slot, bytes); !decoded)
    slot = corrupt(sequence, decoded.error());
  check_place(slot, sequence);
}

result<events::envelope> chain_check::next(std::uint64_t sequence, std::string_view bytes) {
  auto record = read_record(sequence, bytes, expected_);
  if (const auto in_order = next(sequence, record); !in_order)
    return tl::unexpected(in_order.error());
  return record;
}

result<void> chain_check::next(std::uint64_t sequence, const result<events::envelope>& record) {
  if (sequence != last_.sequence + 1) return corrupt(last_.sequence + 1, "the record is missing");
  if (!record) return tl::unexpected(record.error());
  if (record->previous_hash != last_.hash)
    return corrupt(sequence,
                   "previous_hash is not the hash of event " + std::to_string(last_.sequence));
  last_ = {sequence, record->hash};
  return {};
}

result<events::envelope> stream_check::next(std::uint64_t sequence, std::string_view bytes) {
  auto record = read_record(sequence, bytes);
  if (!record) return record;
  if (record->stream != stream_)
    return corrupt(sequence, "it belongs to " + record->stream + ", not to " + stream_);
  if (record->version != version_ + 1)
    return corrupt(sequence, stream_ + " version " + std::to_string(record->version) +
                                 " follows version " + std::to_string(version_));
  version_ = record->version;
  return record;
}

}  // namespace platen::store
