// A log written by a test: events at chosen times, on streams that need no UUIDs spelt out.
#pragma once

#include <map>
#include <string>

#include "store/memory_log.hpp"

namespace platen::tests {

// A UUID, by a number from 0 to 99, and the streams of the entities that have it.
std::string id_of(int number);
std::string template_stream(int number);
std::string instance_stream(int number);

class written_log {
 public:
  // 2026-11-22T09:40:00Z
  static constexpr std::int64_t begin_us = 1'795'340'400'000'000;

  // Milliseconds after begin_us; events added later have this time.
  written_log& at(std::int64_t ms);
  // The cause of events added later.
  written_log& because(events::cause why);
  written_log& add(const std::string& stream, events::event what);

  const store::memory_log& log() const { return log_; }
  std::vector<events::envelope> all() const;

 private:
  store::memory_log log_;
  std::map<std::string, std::uint64_t> versions_;
  std::int64_t now_us_ = begin_us;
  events::cause why_{"req-a", "token-1", events::origin::api, "request"};
};

// A log as a segment shows it whose events of one type were withheld when it was exported. The
// whole log must outlive it.
class log_without final : public store::event_log {
 public:
  log_without(const store::event_log& whole, std::string type)
      : whole_(whole), type_(std::move(type)) {}

  store::result<void> read_records(std::uint64_t after, const record_visitor& visit) const override;
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

// The whole story most tests are about, 20 events. Instance "one" asks for template "web", which is
// prepared for it in 13 s; instance "two" joins the preparation 4 s later for another request; both
// are cloned and run, "two" is stopped and deleted.
void write_shared_preparation(written_log& into);

// The first events of a template, and of an instance that is to be its clone.
events::event wanted_template(const std::string& name);
events::event wanted_clone(const std::string& name, int of_template);

}  // namespace platen::tests
