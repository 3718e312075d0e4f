#include "tools/platen/log/event_line.hpp"

#include "events/json.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

std::string right(const std::string& text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

bool is_digest(const std::string& text) {
  constexpr std::size_t longest_shown = 40;
  return text.size() > longest_shown &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string shown(const std::string& name, const json& value) {
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    return is_digest(text) ? text.substr(0, 12) + "…" : text;
  }
  return name.ends_with("_us") ? clock_text(value.get<std::int64_t>()) : value.dump();
}

// The scalars of an event's data, "name=web attempt=1 ...", without the long texts and without
// numbers that say nothing.
std::string brief(const events::event& what) {
  const auto data = json::parse(events::data_to_json(what), nullptr, false);
  std::string out;
  for (const auto& [name, value] : data.items()) {
    if (name == "console_tail" || name == "body" || !value.is_primitive() ||
        (value == 0 && name != "exit_code"))
      continue;
    out += (out.empty() ? "" : " ") + name + "=" + shown(name, value);
  }
  return out;
}

std::string columns(const std::string& sequence, const std::string& time, const std::string& stream,
                    const std::string& type, const std::string& after, const std::string& step,
                    const std::string& origin) {
  return right(sequence, 6) + "  " + left(time, 12) + "  " + left(stream, 20) + "  " +
         left(type, 22) + "  " + right(after, 7) + "  " + left(step, 13) + "  " + left(origin, 9) +
         "  ";
}

}  // namespace

std::string clock_text(std::int64_t time_us) {
  auto text = events::to_rfc3339(time_us).substr(0, 23);
  text[10] = ' ';
  return text;
}

std::string event_heading() {
  return columns("SEQ", "TIME", "STREAM", "TYPE", "AFTER", "STEP", "ORIGIN") + "DETAILS";
}

std::string event_line(const events::envelope& event, const event_times& times,
                       const name_book& names) {
  const auto after = times.since_previous ? "+" + human_duration(*times.since_previous) : "";
  const auto step = times.step ? times.step->name + " " + human_duration(times.step->us) : "";
  return columns(std::to_string(event.sequence), clock_text(event.time_us).substr(11),
                 names.label(event.stream), std::string(events::type_name(event.what)), after, step,
                 std::string(events::to_string(event.why.source))) +
         brief(event.what);
}

std::string event_summary(const events::envelope& event, const name_book& names) {
  return right(std::to_string(event.sequence), 6) + "  " + clock_text(event.time_us) + "  " +
         names.label(event.stream) + "  " + std::string(events::type_name(event.what)) + "  " +
         brief(event.what);
}

}  // namespace platen::cli
