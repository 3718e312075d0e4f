#include "tools/platen/log/stepper.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "events/json.hpp"
#include "events/time.hpp"
#include "tools/common/nearest.hpp"
#include "tools/platen/log/event_line.hpp"
#include "tools/platen/log/filter_options.hpp"
#include "tools/platen/log/state_fields.hpp"
#include "tools/platen/log/subject.hpp"
#include "tools/platen/output.hpp"
#include "tools/platen/state_json.hpp"

namespace platen::cli {
namespace {

constexpr const char* help_text =
    "next, n [K]          K events on (1)\n"
    "prev, p [K]          K events back (1)\n"
    "goto SEQ|TIME        after that sequence, or the last event up to that time\n"
    "continue, c          on to the next breakpoint, or the end\n"
    "reverse-continue, rc back to the breakpoint before, or the beginning\n"
    "break COND...        stop where all hold: type=, stream=, origin=, principal=, request_id=,\n"
    "                     command= of the event; any other field is one of the state after it,\n"
    "                     such as lifecycle=preparation_failed or attempt>1\n"
    "breaks               show the breakpoints\n"
    "delete N             remove breakpoint N\n"
    "state [ENTITY]       all entities, or one: a name, KIND/NAME, a UUID\n"
    "diff                 what the present event changed\n"
    "event                the present event\n"
    "list                 the events around\n"
    "help, quit";

const std::vector<std::string> command_words{
    "next",  "prev",   "goto",   "continue", "reverse-continue",
    "break", "breaks", "delete", "state",    "diff",
    "event", "list",   "help",   "quit"};

std::vector<std::string> split(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;)
    out.push_back(word);
  return out;
}

std::optional<std::uint64_t> whole_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

result<std::ptrdiff_t> count_in(const std::vector<std::string>& words) {
  if (words.size() == 1) return 1;
  const auto count = whole_number(words[1]);
  constexpr std::uint64_t most = 1'000'000'000'000;
  if (!count || *count > most || words.size() > 2)
    return fail(exit_code::usage,
                words[0] + ": expected a number of events, found '" + words[1] + "'");
  return static_cast<std::ptrdiff_t>(*count);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines)
    out += (out.empty() ? "" : "\n") + line;
  return out;
}

}  // namespace

std::string world_text(const actors::world& all) {
  const auto states = to_json(all);
  table rows({"KIND", "NAME", "LIFECYCLE", "SINCE", "VERSION", "ATTEMPT", "UUID"});
  for (const auto& [kind, list] : {std::pair{"template", "templates"}, {"instance", "instances"}})
    for (const auto& state : states[list])
      rows.add({kind, text_of(state, "name"), text_of(state, "lifecycle"),
                text_of(state, "lifecycle_since"), text_of(state, "version"),
                text_of(state, "attempt"), text_of(state, "uuid")});
  return "after sequence " + std::to_string(all.sequence) + ":\n" + joined(rows.lines());
}

result<std::size_t> position_of(const spool& log, const std::string& text) {
  if (const auto sequence = whole_number(text)) return log.count_up_to_sequence(*sequence);
  const auto time = events::parse_time(text, clock_now_us());
  if (!time) return fail(exit_code::usage, "expected a sequence or a time: " + time.error());
  return log.count_up_to_time(*time);
}

// ---- where it stands ---------------------------------------------------------------------------

std::string stepper::prompt() const {
  const auto newest = log_.size() == 0 ? 0 : log_.sequence_at(log_.size() - 1);
  const auto of = "/" + std::to_string(newest);
  if (world_.position() == 0) return "[seq 0" + of + " before the first event] ";
  const auto present = log_.at(world_.position() - 1);
  if (!present) return "[?] ";
  return "[seq " + std::to_string(present->sequence) + of + " " + names_.label(present->stream) +
         " " + std::string(events::type_name(present->what)) + "] ";
}

result<answer> stepper::here() const {
  if (world_.position() == 0)
    return answer{"before the first event", {{"sequence", 0}, {"event", nullptr}}};
  const auto present = log_.at(world_.position() - 1);
  if (!present) return tl::unexpected(present.error());
  return answer{
      event_summary(*present, names_),
      {{"sequence", present->sequence}, {"event", json::parse(events::to_json(*present))}}};
}

// ---- going -------------------------------------------------------------------------------------

result<answer> stepper::move(std::ptrdiff_t by) {
  const auto from = static_cast<std::ptrdiff_t>(world_.position());
  const auto last = static_cast<std::ptrdiff_t>(log_.size());
  const auto to = std::clamp<std::ptrdiff_t>(from + by, 0, last);
  if (to == from && by != 0)
    return answer{by > 0 ? "this is the last event" : "this is before the first event",
                  {{"sequence", world_.now().sequence}, {"moved", false}}};
  const auto moved = world_.move_to(static_cast<std::size_t>(to));
  if (!moved) return tl::unexpected(moved.error());
  return here();
}

result<answer> stepper::go_to(const words& arguments) {
  if (arguments.size() < 2) return fail(exit_code::usage, "goto needs a sequence or a time");
  auto text = arguments[1];
  for (std::size_t i = 2; i < arguments.size(); ++i)
    text += " " + arguments[i];
  const auto position = position_of(log_, text);
  if (!position) return tl::unexpected(position.error());
  const auto moved = world_.move_to(*position);
  if (!moved) return tl::unexpected(moved.error());
  return here();
}

result<answer> stepper::run_to_breakpoint(bool forward) {
  std::size_t hit = 0;
  const auto matches = [&](const events::envelope& event, const actors::world& after) {
    const auto state = [&] { return entity_json(after, event.stream); };
    const auto found = std::find_if(breakpoints_.begin(), breakpoints_.end(), [&](const auto& one) {
      return holds(one.second, event, state, names_);
    });
    if (found == breakpoints_.end()) return false;
    hit = found->first;
    return true;
  };
  const auto stopped = forward ? world_.forward_to(matches) : world_.back_to(matches);
  if (!stopped) return tl::unexpected(stopped.error());
  auto out = here();
  if (!out) return out;
  if (*stopped) {
    out->data["breakpoint"] = hit;
    out->text =
        "breakpoint " + std::to_string(hit) + ": " + breakpoints_.at(hit).text + "\n" + out->text;
  } else {
    out->data["breakpoint"] = nullptr;
    out->text = (breakpoints_.empty() ? "there are no breakpoints\n" : "no breakpoint was met\n") +
                out->text;
  }
  return out;
}

// ---- breakpoints -------------------------------------------------------------------------------

result<answer> stepper::add_breakpoint(const words& arguments) {
  auto made = parse_breakpoint({arguments.begin() + 1, arguments.end()});
  if (!made) return tl::unexpected(made.error());
  const auto number = next_breakpoint_++;
  answer out{"breakpoint " + std::to_string(number) + ": " + made->text,
             {{"breakpoint", number}, {"condition", made->text}}};
  breakpoints_.emplace(number, *std::move(made));
  return out;
}

result<answer> stepper::list_breakpoints() const {
  answer out{"", json::array()};
  for (const auto& [number, one] : breakpoints_) {
    out.text += (out.text.empty() ? "" : "\n") + std::to_string(number) + "  " + one.text;
    out.data.push_back({{"breakpoint", number}, {"condition", one.text}});
  }
  if (out.text.empty()) out.text = "there are no breakpoints";
  return out;
}

result<answer> stepper::remove_breakpoint(const words& arguments) {
  const auto number = arguments.size() == 2 ? whole_number(arguments[1]) : std::nullopt;
  if (!number || breakpoints_.erase(*number) == 0)
    return fail(exit_code::usage, "delete needs the number of a breakpoint, as breaks shows them");
  return answer{"deleted", {{"deleted", *number}}};
}

// ---- looking -----------------------------------------------------------------------------------

result<answer> stepper::state(const words& arguments) const {
  if (arguments.size() == 1) return answer{world_text(world_.now()), to_json(world_.now())};
  const auto about = find_subject(log_, names_, arguments[1]);
  if (!about) return tl::unexpected(about.error());
  if (about->is_request())
    return fail(exit_code::usage, "'" + arguments[1] + "' is a request, which has no state");
  const auto value = entity_json(world_.now(), about->stream);
  if (value.is_null()) return answer{about->label + " does not exist yet", nullptr};
  return answer{fields_text(value), value};
}

result<answer> stepper::diff() const {
  if (world_.position() == 0) return fail(exit_code::usage, "there is no event before the first");
  const auto changed = world_.present_changes();
  if (!changed) return tl::unexpected(changed.error());
  answer out{"", json::array()};
  for (const auto& change : *changed) {
    out.text += (out.text.empty() ? "" : "\n") + to_text(change);
    out.data.push_back({{"field", change.field},
                        {"before", json::parse(change.before)},
                        {"after", json::parse(change.after)}});
  }
  if (out.text.empty()) out.text = "nothing: its stream has no state";
  return out;
}

result<answer> stepper::event() const {
  auto out = here();
  if (!out || out->data["event"].is_null()) return out;
  out->data = out->data["event"];
  out->text = out->data.dump(2);
  return out;
}

result<answer> stepper::list() const {
  constexpr std::size_t around = 5;
  const auto from = world_.position() > around + 1 ? world_.position() - around - 1 : 0;
  const auto to = std::min(log_.size(), world_.position() + around);
  answer out{"", json::array()};
  auto position = from;
  const auto read = log_.each(from, to, [&](const events::envelope& one) {
    const bool present = ++position == world_.position();
    out.text += (out.text.empty() ? "" : "\n") + std::string(present ? "> " : "  ") +
                event_summary(one, names_);
    out.data.push_back({{"sequence", one.sequence},
                        {"stream", names_.label(one.stream)},
                        {"type", events::type_name(one.what)},
                        {"present", present}});
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return out;
}

result<answer> stepper::run(const std::string& command) {
  const auto words = split(command);
  if (words.empty()) return answer{};
  const auto& first = words.front();
  const auto is = [&](const char* name, const char* letter) {
    return first == name || first == letter;
  };
  if (is("next", "n") || is("prev", "p")) {
    const auto count = count_in(words);
    if (!count) return tl::unexpected(count.error());
    return move(first.front() == 'n' ? *count : -*count);
  }
  if (first == "goto") return go_to(words);
  if (is("continue", "c")) return run_to_breakpoint(true);
  if (is("reverse-continue", "rc")) return run_to_breakpoint(false);
  if (is("break", "b")) return add_breakpoint(words);
  if (first == "breaks") return list_breakpoints();
  if (first == "delete") return remove_breakpoint(words);
  if (first == "state") return state(words);
  if (first == "diff") return diff();
  if (first == "event") return event();
  if (is("list", "l")) return list();
  if (is("help", "h")) return answer{help_text, command_words};
  if (is("quit", "q")) return answer{"", nullptr, true};
  const auto near = tools::nearest(first, command_words);
  return fail(exit_code::usage, "there is no command '" + first + "'" +
                                    (near ? "; did you mean '" + *near + "'?" : "; try help"));
}

}  // namespace platen::cli
