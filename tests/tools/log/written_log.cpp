#include "tests/tools/log/written_log.hpp"

#include <catch2/catch.hpp>

#include "events/codec.hpp"

namespace platen::tests {

std::string id_of(int number) {
  return (number < 10 ? "a000000" : "a00000") + std::to_string(number) +
         "-0000-4000-8000-000000000000";
}
std::string template_stream(int number) {
  return "template/" + id_of(number);
}
std::string instance_stream(int number) {
  return "instance/" + id_of(number);
}

written_log& written_log::at(std::int64_t ms) {
  now_us_ = begin_us + ms * 1000;
  return *this;
}

written_log& written_log::because(events::cause why) {
  why_ = std::move(why);
  return *this;
}

written_log& written_log::add(const std::string& stream, events::event what) {
  auto& version = versions_[stream];
  log_.append({stream, version, why_, now_us_, {std::move(what)}},
              [](const auto& done) { REQUIRE(done.has_value()); });
  ++version;
  return *this;
}

std::vector<events::envelope> written_log::all() const {
  std::vector<events::envelope> out;
  const auto read = log_.read_all(0, [&](const events::envelope& event) {
    out.push_back(event);
    return true;
  });
  REQUIRE(read.has_value());
  return out;
}

store::result<void> log_without::read_records(std::uint64_t after,
                                              const record_visitor& visit) const {
  return whole_.read_records(after, [&](const events::envelope& event, std::string_view record) {
    if (events::type_name(event.what) != type_) return visit(event, record);
    auto shown = event;
    shown.what = events::unknown_event{type_, ""};
    return visit(shown, events::without_event(record).value());
  });
}

events::event wanted_template(const std::string& name) {
  events::template_requested event;
  event.name = name;
  event.spec->image = "platen/demo:v1";
  event.spec->memory_mb = 256;
  event.spec->vcpus = 1;
  return event;
}

events::event wanted_clone(const std::string& name, int of_template) {
  events::instance_requested event;
  event.name = name;
  event.template_id = id_of(of_template);
  event.template_name = "web";
  event.autostart = true;
  return event;
}

void write_shared_preparation(written_log& into) {
  const auto web = template_stream(1);
  const auto one = instance_stream(2);
  const auto two = instance_stream(3);
  const events::cause a{"req-a", "token-1", events::origin::api, "request"};
  const events::cause b{"req-b", "token-2", events::origin::api, "request"};
  const events::cause daemon{"req-a", "platend", events::origin::system, "vm_booted"};

  into.at(0).because(a).add(web, wanted_template("web"));
  into.at(1).add(one, wanted_clone("one", 1)).add(one, events::instance_start_requested{});
  into.at(2).because({"req-a", "platend", events::origin::api, "request_clone"});
  events::preparation_started started;
  started.attempt = 1;
  into.add(web, started);
  into.at(4002).because(b).add(two, wanted_clone("two", 1));
  into.add(two, events::instance_start_requested{});
  events::template_guest_booted booted;
  booted.attempt = 1;
  booted.accelerator = "tcg";
  booted.pid = 4711;
  into.at(5002).because(daemon).add(web, booted);
  events::guest_signalled signalled;
  signalled.attempt = 1;
  into.at(12'002).because({"req-a", "platend", events::origin::guest, "vm_signalled"});
  into.add(web, signalled);
  events::template_snapshotted ready;
  ready.attempt = 1;
  ready.snapshot_id = id_of(1) + "-1";
  ready.accelerator = "tcg";
  ready.memory_bytes = 256u << 20;
  ready.state_bytes = 1u << 20;
  into.at(13'002).because(daemon).add(web, ready);
  int instance = 2;
  for (const auto& stream : {one, two}) {
    const auto* request = stream == one ? "req-a" : "req-b";
    const auto granted_at = stream == one ? 13'010 : 13'510;
    into.because({request, "platend", events::origin::api, "request_clone"});
    events::clone_granted granted;
    granted.instance_id = id_of(instance++);
    granted.snapshot_id = ready.snapshot_id;
    into.at(granted_at).add(web, granted);
    into.because({request, "platend", events::origin::system, "clone_granted"});
    events::instance_clone_started cloning;
    cloning.attempt = 1;
    cloning.template_id = id_of(1);
    cloning.snapshot_id = ready.snapshot_id;
    into.at(granted_at + 1).add(stream, cloning);
    events::instance_running running;
    running.attempt = 1;
    running.accelerator = "tcg";
    running.pid = 4800;
    events::service service;
    service.port = 443;
    service.host_port = 34'567;
    running.services.push_back(service);
    into.at(granted_at + 401).add(stream, running);
    events::clone_finished finished;
    finished.instance_id = granted.instance_id;
    finished.running = true;
    into.at(granted_at + 402).add(web, finished);
  }
  events::instance_stop_requested stop;
  stop.attempt = 1;
  stop.grace_ms = 10'000;
  into.at(60'000).because({"req-c", "token-2", events::origin::api, "stop"}).add(two, stop);
  events::instance_stopped stopped;
  stopped.attempt = 1;
  stopped.by_user = true;
  stopped.exit_known = true;
  stopped.reason = "the workload ended";
  into.at(60'300).because({"req-c", "platend", events::origin::guest, "vm_exited"});
  into.add(two, stopped);
  into.at(61'000).because({"req-d", "token-2", events::origin::api, "remove"});
  into.add(two, events::instance_deleted{});
}

}  // namespace platen::tests
