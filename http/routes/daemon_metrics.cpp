#include <algorithm>
#include <map>

#include "http/gateway/gateway.hpp"
#include "http/request/targets.hpp"
#include "http/routes/api.hpp"
#include "http/view/process_use.hpp"
#include "http/view/prometheus.hpp"

namespace platen::http {
namespace {

constexpr auto gauge = prometheus_text::kind::gauge;
constexpr auto counter = prometheus_text::kind::counter;

bool is_being_prepared(const actors::vm_template::state& value) {
  using lifecycle = actors::vm_template::lifecycle;
  switch (value.phase) {
    case lifecycle::waiting_for_parent:
    case lifecycle::preparing:
    case lifecycle::awaiting_guest_signal:
    case lifecycle::snapshotting:
      return true;
    default:
      return false;
  }
}

// How many there are of each lifecycle.
template <class Pointers>
void add_lifecycles(prometheus_text& into, const std::string& metric, const Pointers& all) {
  std::map<std::string, std::size_t> count;
  for (const auto& one : all)
    ++count[std::string(to_string(one->phase))];
  for (const auto& [lifecycle, number] : count)
    into.add(metric, gauge, "By lifecycle.", static_cast<double>(number),
             {{"lifecycle", lifecycle}});
}

void add_entities(prometheus_text& into, const actors::control_plane& control) {
  const auto templates = control.templates();
  add_lifecycles(into, "platen_instances", control.instances());
  add_lifecycles(into, "platen_templates", templates);
  const auto prepared = std::count_if(templates.begin(), templates.end(),
                                      [](const auto& one) { return is_being_prepared(*one); });
  into.add("platen_preparations_in_flight", gauge, "Templates that are being prepared.",
           static_cast<double>(prepared));
  into.add("platen_service_groups", gauge, "Service groups.",
           static_cast<double>(control.groups().size()));
}

void add_log(prometheus_text& into, const api& with) {
  into.add("platen_events_total", counter, "Events in the log, archived ones included.",
           static_cast<double>(with.on.log.newest().sequence));
  if (with.how.log_bytes)
    into.add("platen_log_bytes", gauge, "The log on disk, without its archive.",
             static_cast<double>(with.how.log_bytes()));
}

void add_requests(prometheus_text& into, const api& with) {
  const auto add = [&](const std::string& metric, std::string_view help, const capacity& of) {
    into.add(metric, gauge, help, static_cast<double>(of.used()));
  };
  add("platen_waiting_requests", "Requests that wait for a lifecycle.", with.waiting);
  add("platen_event_followers", "Clients that follow the events.", with.followers);
  add("platen_audit_subscribers", "Clients of the audit stream.", with.audits);
  add("platen_image_uploads", "Images that are being uploaded.", with.uploads);
  add("platen_body_bytes", "Memory set aside for bodies of requests.", with.body_memory);
}

void add_gateway(prometheus_text& into, const gateway::gateway* traffic) {
  if (traffic == nullptr) return;
  const auto loads = traffic->loads();
  std::uint64_t in_flight = 0;
  for (const auto& one : loads)
    in_flight += one.in_flight;
  into.add("platen_gateway_instances", gauge, "Instances that the gateway sends traffic to.",
           static_cast<double>(loads.size()));
  into.add("platen_gateway_in_flight", gauge, "Requests and connections under way.",
           static_cast<double>(in_flight));
}

void add_warm_pool(prometheus_text& into, const api& with) {
  if (!with.how.warm_pool) return;
  const auto pool = with.how.warm_pool();
  if (pool.limit_bytes == 0) return;
  into.add("platen_warm_pool_limit_bytes", gauge, "Memory that clones kept ready may take.",
           static_cast<double>(pool.limit_bytes));
  into.add("platen_warm_pool_bytes", gauge, "Memory that clones kept ready take.",
           static_cast<double>(pool.bytes));
  into.add("platen_warm_pool_held_back", gauge, "1 while memory is too short to add clones.",
           pool.held_back.empty() ? 0 : 1);
  const auto add = [&](const std::string& metric, prometheus_text::kind kind, std::string_view help,
                       auto value) {
    for (const auto& one : pool.snapshots)
      into.add(metric, kind, help, static_cast<double>(one.*value),
               {{"snapshot", one.snapshot_id}});
  };
  using of = hypervisor::warm_clones;
  add("platen_warm_clones_ready", gauge, "Clones restored and paused.", &of::ready);
  add("platen_warm_clones_filling", gauge, "Clones being made ready.", &of::filling);
  add("platen_warm_clones_wanted", gauge, "Clones that recent orders ask for.", &of::wanted);
  add("platen_warm_clones_taken_total", counter, "Orders that got one.", &of::taken);
  add("platen_warm_clones_missed_total", counter, "Orders that had to make their own.",
      &of::missed);
  add("platen_warm_clones_failed_total", counter, "Clones kept ready that came to nothing.",
      &of::failed);
}

void add_process(prometheus_text& into, const api& with) {
  into.add("platen_build_info", gauge, "Always 1; the labels say what runs.", 1,
           {{"version", with.how.version},
            {"hypervisor", with.how.hypervisor},
            {"accelerator", with.how.accelerator}});
  const auto use = use_of_this_process();
  if (!use) return;
  into.add("process_resident_memory_bytes", gauge, "Of the daemon.",
           static_cast<double>(use->rss_bytes));
  into.add("process_cpu_seconds_total", counter, "Of the daemon.",
           static_cast<double>(use->cpu_time_ms) / 1000);
}

answer_or_error<reply> read_daemon_metrics(api& with, const api_request& request) {
  if (const auto fault = fault_of_bare_request(request.http.target, request.http.body))
    return tl::unexpected(*fault);
  prometheus_text text;
  add_process(text, with);
  add_entities(text, with.host);
  add_log(text, with);
  add_requests(text, with);
  add_gateway(text, with.on.traffic);
  add_warm_pool(text, with);
  reply made;
  made.text = std::move(text).finish();
  return made;
}

}  // namespace

void add_metrics_routes(route_table& on, apis& with) {
  route(on, with, method::get, "/v1/metrics", read_daemon_metrics, audience::operators);
}

}  // namespace platen::http
