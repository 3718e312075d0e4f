#include <nlohmann/json.hpp>

#include "tools/platen/log/timeline.hpp"

namespace platen::cli {
namespace {

using nlohmann::json;

// Writes the list of events piece by piece; each is in ASCII.
class trace_writer {
 public:
  trace_writer(std::ostream& out, const timeline& picture) : out_(out), picture_(picture) {
    out_ << R"({"displayTimeUnit":"ms","traceEvents":[)";
  }

  void finish() { out_ << "\n]}\n"; }

  // A group is a process; it is named after its first lane, the template's.
  void names() {
    for (std::size_t lane = 0; lane < picture_.lanes.size(); ++lane) {
      const auto& one = picture_.lanes[lane];
      const bool first = lane == 0 || picture_.lanes[lane - 1].group != one.group;
      if (first) put("M", "process_name", lane, {{"args", {{"name", one.label}}}});
      put("M", "thread_name", lane, {{"args", {{"name", one.label}}}});
      put("M", "thread_sort_index", lane, {{"args", {{"sort_index", lane}}}});
    }
  }

  void bar(const timeline::bar& one) {
    put("X", one.phase, one.lane,
        {{"cat", "lifecycle"},
         {"ts", since_begin(one.begin_us)},
         {"dur", one.end_us - one.begin_us}});
  }

  void marker(const timeline::marker& one) {
    put("i", one.type, one.lane,
        {{"cat", "event"},
         {"s", "t"},
         {"ts", since_begin(one.time_us)},
         {"args", json::parse(one.event)}});
  }

  void link(const timeline::link& one, std::size_t number) {
    const json flow{{"cat", "wait"}, {"id", number}};
    auto from = flow;
    from["ts"] = since_begin(one.from_us);
    put("s", "waited for", one.from_lane, from);
    auto to = flow;
    to["ts"] = since_begin(one.to_us);
    to["bp"] = "e";
    put("f", "waited for", one.to_lane, to);
  }

  void restart(const timeline::restart& one) {
    put("i", one.text, 0, {{"cat", "daemon"}, {"s", "g"}, {"ts", since_begin(one.time_us)}});
  }

 private:
  std::int64_t since_begin(std::int64_t time_us) const {
    return std::max<std::int64_t>(time_us - picture_.begin_us, 0);
  }

  void put(const char* phase, const std::string& name, std::size_t lane, json more) {
    more["ph"] = phase;
    more["name"] = name;
    more["pid"] = picture_.lanes[lane].group + 1;
    more["tid"] = lane + 1;
    out_ << (first_ ? "\n" : ",\n") << more.dump(-1, ' ', true, json::error_handler_t::replace);
    first_ = false;
  }

  std::ostream& out_;
  const timeline& picture_;
  bool first_ = true;
};

}  // namespace

void write_chrome_trace(std::ostream& out, const timeline& picture) {
  trace_writer writer(out, picture);
  writer.names();
  for (const auto& bar : picture.bars)
    writer.bar(bar);
  for (const auto& marker : picture.markers)
    writer.marker(marker);
  for (std::size_t i = 0; i < picture.links.size(); ++i)
    writer.link(picture.links[i], i + 1);
  for (const auto& restart : picture.restarts)
    writer.restart(restart);
  writer.finish();
}

}  // namespace platen::cli
