#include "store/verify.hpp"

#include <map>
#include <unordered_map>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "store/checkpoint_check.hpp"
#include "store/record_check.hpp"

namespace platen::store {

namespace {

class walk {
 public:
  walk(verify_report& report, const verify_options& how)
      : report_(report), checkpoints_(how.trusted_key) {
    for (const auto& witness : how.witnesses)
      witnesses_.emplace(witness.sequence, witness.hash);
  }

  bool accept(const events::envelope& event, std::string_view record) {
    if (report_.first == 0) report_.first = event.sequence;
    const bool begins_here = report_.first > 1 && versions_.count(event.stream) == 0;
    std::uint64_t& version = versions_[event.stream];
    if (begins_here) version = event.version - 1;
    if (event.version != version + 1)
      return reject(event, event.stream + " version " + std::to_string(event.version) +
                               " follows version " + std::to_string(version));
    const auto [seen, end] = witnesses_.equal_range(event.sequence);
    for (auto witness = seen; witness != end; ++witness)
      if (witness->second != event.hash)
        return reject(event, "its hash is " + events::to_hex(event.hash) + ", the witness says " +
                                 events::to_hex(witness->second));
    if (auto wrong = checkpoints_.next(event)) return reject(event, *std::move(wrong));
    report_.checkpoints = checkpoints_.checked();
    report_.covered = checkpoints_.covered();
    version = event.version;
    report_.verified = {event.sequence, event.hash};
    ++report_.events;
    if (events::is_withheld(record)) ++report_.withheld;
    report_.streams = versions_.size();
    return true;
  }

 private:
  bool reject(const events::envelope& event, std::string why) {
    report_.first_bad = corrupt(event.sequence, std::move(why)).value();
    return false;
  }

  verify_report& report_;
  checkpoint_check checkpoints_;
  std::multimap<std::uint64_t, events::digest> witnesses_;
  std::unordered_map<std::string, std::uint64_t> versions_;
};

}  // namespace

verify_report verify(const event_log& log, const verify_options& how) {
  verify_report report;
  walk all(report, how);
  const auto read = log.read_records(
      0, [&](const auto& event, std::string_view record) { return all.accept(event, record); });
  if (!read) report.first_bad = read.error();
  for (const auto& witness : how.witnesses)
    if (report.ok() && witness.sequence > report.verified.sequence)
      report.first_bad =
          corrupt(report.verified.sequence + 1,
                  "the log ends before it; a witness saw event " + std::to_string(witness.sequence))
              .value();
  if (report.ok())
    if (const auto index = log.check_index(); !index) report.first_bad = index.error();
  return report;
}

}  // namespace platen::store
