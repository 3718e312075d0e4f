#include "tools/platen/log/spool.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "events/codec.hpp"
#include "tests/tools/log/written_log.hpp"
#include "tools/platen/log/narrator.hpp"

using namespace platen;
using namespace platen::cli;

namespace {

// A log as a segment shows it whose events of one type were withheld when it was exported.
class log_without final : public store::event_log {
 public:
  log_without(const store::event_log& whole, std::string type)
      : whole_(whole), type_(std::move(type)) {}

  store::result<void> read_records(std::uint64_t after,
                                   const record_visitor& visit) const override {
    return whole_.read_records(after, [&](const events::envelope& event, std::string_view record) {
      if (events::type_name(event.what) != type_) return visit(event, record);
      auto shown = event;
      shown.what = events::unknown_event{type_, ""};
      return visit(shown, events::without_event(record).value());
    });
  }
  store::result<void> read_stream_records(const std::string&, std::uint64_t,
                                          const record_visitor&) const override {
    return {};
  }
  store::head newest() const override { return whole_.newest(); }
  void append(store::append_request, append_callback) override {}
  std::uint64_t subscribe(listener) override { return 0; }
  void unsubscribe(std::uint64_t) override {}

 private:
  const store::event_log& whole_;
  std::string type_;
};

}  // namespace

TEST_CASE("a log whose events were withheld can still be walked and told") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto copy = spool::of(log_without(log.log(), "TemplateSnapshotted"));
  REQUIRE(copy);
  REQUIRE(copy->size() == 20);
  CHECK(events::type_name(copy->at(8)->what) == "TemplateSnapshotted");
  narrator story(find_subject(*copy, *read_names(*copy), "web").value());
  REQUIRE(copy->each([&](const events::envelope& event) {
    story.note(event);
    return true;
  }));
  CHECK(std::any_of(story.steps().begin(), story.steps().end(), [](const told_step& step) {
    return step.text == "TemplateSnapshotted, the rest of which is withheld here";
  }));
}

TEST_CASE("a spooled log has the same events, in any order of reading") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto copy = spool::of(log.log());
  REQUIRE(copy);
  const auto all = log.all();
  REQUIRE(copy->size() == all.size());
  for (std::size_t i = all.size(); i-- > 0;) {
    const auto event = copy->at(i);
    REQUIRE(event);
    CHECK(event->sequence == all[i].sequence);
    CHECK(event->hash == all[i].hash);
    CHECK(event->what == all[i].what);
  }
}

TEST_CASE("a time means the last event recorded up to it, also where the clock jumped back") {
  tests::written_log log;
  log.at(1000).add("system/platend", events::daemon_started{});
  log.at(9000).add("system/platend", events::daemon_stopped{});
  log.at(2000).add("system/platend", events::daemon_started{});
  log.at(8000).add("system/platend", events::daemon_stopped{});
  const auto copy = spool::of(log.log());
  const auto at = [&](std::int64_t ms) {
    return copy->count_up_to_time(tests::written_log::begin_us + ms * 1000);
  };
  CHECK(at(0) == 0);
  CHECK(at(1000) == 1);
  CHECK(at(3000) == 3);
  CHECK(at(8500) == 4);
}

TEST_CASE("a sequence means the events up to it") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto copy = spool::of(log.log());
  CHECK(copy->count_up_to_sequence(0) == 0);
  CHECK(copy->count_up_to_sequence(7) == 7);
  CHECK(copy->count_up_to_sequence(999) == 20);
}
