// platen explain: the story of a template, an instance or a request, in words.
#include <iostream>
#include <memory>

#include "events/json.hpp"
#include "tools/platen/commands.hpp"
#include "tools/platen/log/event_line.hpp"
#include "tools/platen/log/narrator.hpp"
#include "tools/platen/log/opened_log.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

constexpr std::size_t console_lines_shown = 20;

json step_json(const told_step& step) {
  json out{{"sequence", step.sequence},
           {"time", events::to_rfc3339(step.time_us)},
           {"stream", step.stream},
           {"who", step.who},
           {"type", step.type},
           {"text", step.text},
           {"origin", step.origin},
           {"principal", step.principal},
           {"request_id", step.request_id}};
  if (step.took_us) out["took_ms"] = static_cast<double>(*step.took_us) / 1000;
  if (!step.console_tail.empty()) out["console_tail"] = step.console_tail;
  return out;
}

// The last lines of a console, each marked so that they cannot be taken for the story.
void print_console(const std::string& tail) {
  const auto text = printable(tail);
  std::size_t begin = text.size();
  for (std::size_t lines = 0; begin > 0 && lines <= console_lines_shown; --begin)
    if (text[begin - 1] == '\n' && begin != text.size() && ++lines == console_lines_shown) break;
  if (begin != 0) std::cout << "      | ...\n";
  for (std::size_t end = 0; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    std::cout << "      | " << text.substr(begin, end - begin) << '\n';
  }
}

void print_story(const subject& about, const name_book& names, const narrator& story) {
  std::cout << about.label;
  if (!about.is_request()) std::cout << " (" << about.stream << ")";
  std::cout << '\n';
  for (const auto& stream : about.namesakes)
    std::cout << "(not " << stream << ", which had the same name"
              << (names.find(stream)->deleted ? " and was deleted" : "") << ")\n";
  std::string day;
  for (const auto& step : story.steps()) {
    const auto clock = clock_text(step.time_us);
    if (clock.substr(0, 10) != day) {
      day = clock.substr(0, 10);
      std::cout << day << " (UTC)\n";
    }
    const auto took = step.took_us ? "+" + human_duration(*step.took_us) : std::string();
    std::cout << "  " << clock.substr(11) << "  "
              << std::string(took.size() < 7 ? 7 - took.size() : 0, ' ') << took << "  "
              << printable((step.stream == about.stream ? "" : step.who + ": ") + step.text)
              << '\n';
    if (!step.console_tail.empty()) print_console(step.console_tail);
  }
  std::cout << printable(story.present_state()) << '\n';
}

result<void> explain(const context& ctx, const std::string& what) {
  const auto copy = open_spool(ctx);
  if (!copy) return tl::unexpected(copy.error());
  const auto names = read_names(*copy);
  if (!names) return tl::unexpected(names.error());
  const auto about = find_subject(*copy, *names, what);
  if (!about) return tl::unexpected(about.error());
  narrator story(*about);
  const auto read = copy->each([&](const events::envelope& event) {
    story.note(event);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  if (!ctx.json) {
    print_story(*about, *names, story);
    return {};
  }
  json out{{"subject", about->label}, {"steps", json::array()}, {"now", story.present_state()}};
  if (about->is_request())
    out["request_id"] = about->request_id;
  else
    out["stream"] = about->stream;
  for (const auto& step : story.steps())
    out["steps"].push_back(step_json(step));
  print_json(out);
  return {};
}

}  // namespace

void add_explain_commands(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand(
      "explain", "Tell what happened to a template or an instance, or because of a request");
  const auto what = std::make_shared<std::string>();
  command->add_option("what", *what, "Name, UUID or the beginning of one, or a request id")
      ->required();
  on_chosen(command, ctx, [&ctx, what] { return explain(ctx, *what); });
}

}  // namespace platen::cli
