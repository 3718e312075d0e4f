#include "tools/platen/log/timeline.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/events/every_event.hpp"
#include "tests/tools/log/written_log.hpp"

using namespace platen;
using namespace platen::cli;
using nlohmann::json;

namespace {

result<timeline> drawn(const tests::written_log& log, events::filter shown = {}) {
  timeline_builder builder(std::move(shown));
  for (const auto& event : log.all())
    builder.note(event);
  return std::move(builder).finish();
}

std::vector<std::string> labels_of(const timeline& picture) {
  std::vector<std::string> out;
  for (const auto& lane : picture.lanes)
    out.push_back(lane.label);
  return out;
}

std::vector<std::string> phases_of(const timeline& picture, std::size_t lane) {
  std::vector<std::string> out;
  for (const auto& bar : picture.bars)
    if (bar.lane == lane) out.push_back(bar.phase);
  return out;
}

std::string html_of(const timeline& picture) {
  std::ostringstream out;
  write_html(out, picture);
  return out.str();
}

std::string data_in(const std::string& html) {
  const std::string opening = R"(<script type="application/json" id="data">)";
  const auto begin = html.find(opening) + opening.size();
  return html.substr(begin, html.find("</script>", begin) - begin);
}

json trace_of(const timeline& picture) {
  std::ostringstream out;
  write_chrome_trace(out, picture);
  return json::parse(out.str());
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

// A log whose names and texts try to break out of whatever they are put into.
void write_hostile(tests::written_log& log) {
  const std::string attack = "</script><script>alert(1)</script><!--\"'\\ \x1b[2J\xff\xe2\x80\xa8";
  log.add(tests::template_stream(1), tests::wanted_template(attack));
  events::preparation_started started;
  started.attempt = 1;
  log.add(tests::template_stream(1), started);
  events::preparation_failed failed;
  failed.stage = attack;
  failed.reason = attack;
  failed.console_tail = attack;
  log.add(tests::template_stream(1), failed);
  events::daemon_started daemon;
  daemon.version = attack;
  log.add("system/platend", daemon);
}

}  // namespace

TEST_CASE("templates come first, each followed by its instances, the rest last") {
  tests::written_log log;
  log.add("system/platend", events::daemon_started{});
  events::instance_requested lone;
  lone.name = "lone";
  log.add(tests::instance_stream(9), lone);
  write_shared_preparation(log);
  const auto picture = drawn(log);
  REQUIRE(picture);
  CHECK(labels_of(*picture) == std::vector<std::string>{"template/web", "instance/one",
                                                        "instance/two", "instance/lone",
                                                        "system/platend"});
  CHECK(picture->lanes[1].group == picture->lanes[0].group);
  CHECK(picture->lanes[3].group != picture->lanes[0].group);
}

TEST_CASE("a lane has a bar for each phase, one after the other") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto picture = drawn(log);
  CHECK(phases_of(*picture, 0) == std::vector<std::string>{"requested", "preparing",
                                                           "awaiting_guest_signal", "snapshotting",
                                                           "snapshotted", "cloning", "snapshotted",
                                                           "cloning", "snapshotted"});
  CHECK(phases_of(*picture, 2) == std::vector<std::string>{"stopped", "waiting_for_template",
                                                           "cloning", "running", "stopping",
                                                           "stopped"});
  for (const auto& bar : picture->bars)
    CHECK(bar.end_us >= bar.begin_us);
}

TEST_CASE("an instance that waited is linked with the end of the preparation") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto picture = drawn(log);
  REQUIRE(picture->links.size() == 2);
  CHECK(picture->links[0].from_lane == 0);
  CHECK(picture->links[0].from_us == tests::written_log::begin_us + 13'002'000);
  CHECK(picture->links[1].to_lane == 2);
  CHECK(picture->links[1].to_us == tests::written_log::begin_us + 13'511'000);
  CHECK(!picture->links[0].failed);
}

TEST_CASE("restarts are lines across all lanes") {
  tests::written_log log;
  write_shared_preparation(log);
  log.add("system/platend", events::daemon_stopped{});
  log.add("system/platend", events::daemon_started{});
  const auto picture = drawn(log);
  REQUIRE(picture->restarts.size() == 2);
  CHECK(!picture->restarts[0].start);
  CHECK(picture->restarts[1].start);
}

TEST_CASE("a filter chooses lanes and events, but the phases stay what they were") {
  tests::written_log log;
  write_shared_preparation(log);
  events::filter wanted;
  wanted.streams = {tests::instance_stream(3)};
  wanted.types = {"InstanceRunning"};
  const auto picture = drawn(log, wanted);
  CHECK(labels_of(*picture) == std::vector<std::string>{"instance/two"});
  CHECK(picture->markers.size() == 1);
  CHECK(phases_of(*picture, 0).size() == 6);
  wanted.types = {"TemplateDeleted"};
  CHECK(drawn(log, wanted).error().code == exit_code::not_found);
}

TEST_CASE("a clock that jumps back makes no bar that ends before it begins") {
  tests::written_log log;
  log.at(10'000).add(tests::template_stream(1), tests::wanted_template("web"));
  log.at(2'000).add(tests::template_stream(1), events::preparation_started{});
  log.at(1'000).add(tests::template_stream(1), events::template_guest_booted{});
  const auto picture = drawn(log);
  for (const auto& bar : picture->bars)
    CHECK(bar.end_us >= bar.begin_us);
  for (const auto& marker : picture->markers)
    CHECK(marker.time_us >= picture->begin_us);
  const auto trace = trace_of(*picture);
  for (const auto& event : trace["traceEvents"])
    if (event["ph"] == "X") CHECK(event["dur"] >= 0);
}

TEST_CASE("the page's data is what was drawn") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto data = json::parse(data_in(html_of(*drawn(log))));
  CHECK(data["lanes"].size() == 3);
  CHECK(data["events"].size() == 20);
  CHECK(data["details"].size() == 20);
  CHECK(data["details"][8]["type"] == "TemplateSnapshotted");
  CHECK(data["links"].size() == 2);
  CHECK(data["length_us"] == 61'000'000);
}

TEST_CASE("nothing a guest or client wrote can break out of the page's data") {
  tests::written_log log;
  write_hostile(log);
  const auto html = html_of(*drawn(log));
  const tests::written_log harmless;
  CHECK(count_of(html, "alert(1)</script>") == 0);
  CHECK(count_of(html, "</script>") == 2);
  CHECK(count_of(html, "<script") == 2);
  CHECK(count_of(html, "<!--") == 0);
  const auto data = json::parse(data_in(html));
  CHECK(data["details"][2]["data"]["console_tail"].get<std::string>().rfind("</script>", 0) == 0);
}

TEST_CASE("events of every type with awkward content make a page and a trace") {
  tests::written_log log;
  for (const auto& event : events::testing::every_awkward_event())
    log.add("template/any", event).add("instance/any", event);
  const auto picture = drawn(log);
  const auto html = html_of(*picture);
  CHECK(count_of(html, "</script>") == 2);
  CHECK(json::parse(data_in(html))["events"].size() == log.all().size());
  CHECK(trace_of(*picture)["traceEvents"].size() > log.all().size());
}

TEST_CASE("the page asks the network for nothing") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto html = html_of(*drawn(log));
  CHECK(html.find("http://") == std::string::npos);
  CHECK(html.find("https://") == std::string::npos);
  CHECK(html.find("src=") == std::string::npos);
  CHECK(html.find("default-src 'none'") != std::string::npos);
}

TEST_CASE(
    "a trace has a named process a template, a named thread an entity, and no negative times") {
  tests::written_log log;
  write_shared_preparation(log);
  log.add("system/platend", events::daemon_started{});
  const auto trace = trace_of(*drawn(log));
  std::set<std::string> processes;
  std::set<std::string> threads;
  std::map<std::string, int> kinds;
  for (const auto& event : trace["traceEvents"]) {
    const auto kind = event["ph"].get<std::string>();
    ++kinds[kind];
    CHECK(event["pid"].get<int>() > 0);
    CHECK(event["tid"].get<int>() > 0);
    CHECK(!event["name"].get<std::string>().empty());
    if (kind != "M") CHECK(event["ts"].get<std::int64_t>() >= 0);
    if (kind == "X") CHECK(event["dur"].get<std::int64_t>() >= 0);
    if (event["name"] == "process_name") processes.insert(event["args"]["name"]);
    if (event["name"] == "thread_name") threads.insert(event["args"]["name"]);
  }
  CHECK(processes == std::set<std::string>{"template/web", "system/platend"});
  CHECK(threads ==
        std::set<std::string>{"template/web", "instance/one", "instance/two", "system/platend"});
  CHECK(kinds["s"] == 2);
  CHECK(kinds["f"] == 2);
  CHECK(kinds["i"] == 22);
  CHECK(kinds["X"] > 10);
}

TEST_CASE("more events than can be drawn are refused with what to do") {
  timeline_builder builder({});
  events::envelope event;
  event.stream = "system/platend";
  event.what = events::daemon_stopped{};
  for (std::size_t i = 0; i <= most_events_drawn; ++i) {
    event.sequence = i + 1;
    event.time_us = static_cast<std::int64_t>(i);
    builder.note(event);
  }
  const auto picture = std::move(builder).finish();
  REQUIRE(!picture);
  CHECK(picture.error().message.find("choose some with --since") != std::string::npos);
}
