// A log that somebody has worked on: records taken out, put elsewhere, written twice, cut, changed,
// or made up. Whatever is read as the n-th event must be the n-th event that was written.
#include <deque>
#include <string>
#include <vector>

#include "events/codec.hpp"
#include "store/record_check.hpp"
#include "tests/fuzz/check.hpp"

namespace {

using namespace platen;
using fuzz::expect;

constexpr std::uint64_t original_events = 12;

std::vector<std::string> write_log() {
  std::vector<std::string> records;
  events::digest previous{};
  for (std::uint64_t i = 0; i < original_events; ++i) {
    events::envelope event;
    event.sequence = i + 1;
    event.stream = "template/" + std::to_string(i % 3);
    event.version = i / 3 + 1;
    event.previous_hash = previous;
    event.why.principal = "fuzz";
    events::preparation_started started;
    started.attempt = static_cast<std::uint32_t>(i);
    event.what = started;
    records.push_back(events::encode(event));
    previous = event.hash;
  }
  return records;
}

const std::vector<std::string>& original() {
  static const auto records = write_log();
  return records;
}

class hand {
 public:
  hand(const std::uint8_t* data, std::size_t size) : bytes_(data, data + size) {}
  bool empty() const { return bytes_.empty(); }
  std::uint8_t next() {
    if (bytes_.empty()) return 0;
    const auto byte = bytes_.front();
    bytes_.pop_front();
    return byte;
  }
  std::string rest(std::size_t most) {
    std::string taken;
    while (!bytes_.empty() && taken.size() < most)
      taken += static_cast<char>(next());
    return taken;
  }

 private:
  std::deque<std::uint8_t> bytes_;
};

void tamper(std::vector<std::string>& log, hand& with) {
  const auto what = with.next() % 7;
  const auto at = with.next() % log.size();
  const auto place = log.begin() + static_cast<std::ptrdiff_t>(at);
  auto& record = *place;
  switch (what) {
    case 0:
      log.erase(place);
      break;
    case 1:
      std::swap(record, log[with.next() % log.size()]);
      break;
    case 2:
      log.insert(place, std::string(record));
      break;
    case 3:
      record.resize(record.size() - std::min<std::size_t>(record.size(), with.next()));
      break;
    case 4:
      if (!record.empty()) {
        auto& byte = record[(with.next() * 256U + with.next()) % record.size()];
        byte = static_cast<char>(byte ^ with.next());
      }
      break;
    case 5:
      log.insert(place, with.rest(with.next()));
      break;
    default:
      record += with.rest(with.next());
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hand with(data, size);
  auto log = original();
  while (!with.empty() && !log.empty() && log.size() < 2 * original_events)
    tamper(log, with);

  store::chain_check chain({});
  for (std::uint64_t i = 0; i < log.size(); ++i) {
    const auto event = chain.next(i + 1, log[i]);
    if (!event) {
      expect(event.error().what == store::error::kind::corrupt, "a bad record is called corrupt");
      expect(event.error().sequence == i + 1, "the first bad sequence is named");
      break;
    }
    expect(i < original().size() && log[i] == original()[i], "nothing false is read");
  }
  store::stream_check stream("template/1", 0);
  std::uint64_t version = 0;
  for (const auto& record : log) {
    const auto any = events::decode(record);
    if (!any || any->stream != "template/1") continue;
    const auto event = stream.next(any->sequence, record);
    if (!event) break;
    expect(event->version == ++version, "a stream has no gap");
  }
  return 0;
}
