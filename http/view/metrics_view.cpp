#include "http/view/metrics_view.hpp"

#include <algorithm>
#include <array>

#include "actors/wall_clock.hpp"
#include "events/time.hpp"
#include "http/view/entity_view.hpp"
#include "http/view/process_use.hpp"
#include "http/view/time.hpp"

namespace platen::http {
namespace {

using actors::instance::lifecycle;

struct figure {
  std::string_view member;
  prometheus_text::kind what;
  std::string_view help;
};

constexpr auto gauge = prometheus_text::kind::gauge;
constexpr auto counter = prometheus_text::kind::counter;

constexpr std::array<figure, 14> figures{{
    {"start_count", counter, "Times it came to run."},
    {"restart_count", gauge, "Restarts by its policy since somebody last started it."},
    {"uptime_ms", gauge, "Since it came to run."},
    {"rss_bytes", gauge, "Resident memory of its VM's process."},
    {"cpu_time_ms", counter, "Processor time of its VM's process."},
    {"boot_time_us", gauge, "From its start's request to running."},
    {"template_time_us", gauge, "From the request of its template to the snapshot."},
    {"nreqs", gauge, "HTTP requests under way in the gateway."},
    {"nconns", gauge, "Connections that the gateway passes through."},
    {"ntotal", counter, "Requests and connections so far."},
    {"disk_logical_bytes", gauge, "Length of its files, holes included."},
    {"disk_allocated_bytes", gauge, "What its files occupy on disk."},
    {"disk_shared_bytes", gauge, "Of that, files that others have as well (hard links)."},
    {"started_at", gauge, "When it came to run, in seconds since 1970."},
}};

// As the platform numbers them.
constexpr std::array<std::string_view, 8> state_numbers = {
    "stopped", "starting", "running", "draining", "stopping", "standby", "template", "deleted"};

void put_process(const actors::instance::state& value, json_object& into) {
  if (value.pid == 0) return;
  const auto use = use_of_process(value.pid, value.id);
  if (!use) return;
  into["rss_bytes"] = use->rss_bytes;
  into["cpu_time_ms"] = use->cpu_time_ms;
}

}  // namespace

json_object metrics_json(const actors::instance::state& value, const actors::vm_template::state* of,
                         const gateway::load* traffic) {
  auto into = with_state(value);
  put_times(value, into);
  into.erase("restart");
  put_process(value, into);
  if (of != nullptr) put_template_time(*of, into);
  if (traffic == nullptr) return into;
  into["nreqs"] = traffic->in_flight - traffic->passed_through;
  into["nconns"] = traffic->passed_through;
  into["ntotal"] = traffic->taken;
  return into;
}

void add_samples(prometheus_text& into, const json_object& metrics) {
  const prometheus_text::labels of{{"uuid", metrics.at("uuid").get<std::string>()},
                                   {"name", metrics.at("name").get<std::string>()}};
  const auto state = metrics.at("state").get<std::string>();
  const auto number = std::find(state_numbers.begin(), state_numbers.end(), state);
  if (number != state_numbers.end())
    into.add("instance_state", gauge,
             "0 stopped, 1 starting, 2 running, 3 draining, 4 stopping, 5 standby, 6 template, 7 "
             "deleted.",
             static_cast<double>(number - state_numbers.begin()), of);
  for (const auto& [member, what, help] : figures) {
    const auto found = metrics.find(std::string(member));
    if (found == metrics.end()) continue;
    const auto name = "instance_" + std::string(member);
    if (found->is_number()) {
      into.add(name, what, help, found->get<double>(), of);
    } else if (const auto moment = events::from_rfc3339(found->get<std::string>())) {
      into.add(name, what, help, static_cast<double>(*moment / 1'000'000), of);
    }
  }
}

}  // namespace platen::http
