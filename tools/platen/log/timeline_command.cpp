// platen timeline: the log as a picture.
#include <fstream>
#include <iostream>
#include <memory>

#include "tools/platen/commands.hpp"
#include "tools/platen/log/filter_options.hpp"
#include "tools/platen/log/opened_log.hpp"
#include "tools/platen/log/subject.hpp"
#include "tools/platen/log/timeline.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

struct timeline_wish {
  filter_wish which;
  std::string file;
  std::string format = "html";
};

result<timeline> draw(const context& ctx, const timeline_wish& wish) {
  const auto copy = open_spool(ctx);
  if (!copy) return tl::unexpected(copy.error());
  const auto names = read_names(*copy);
  if (!names) return tl::unexpected(names.error());
  const auto newest = copy->size() == 0 ? 0 : copy->sequence_at(copy->size() - 1);
  auto filter = to_filter(wish.which, *names, newest, clock_now_us());
  if (!filter) return tl::unexpected(filter.error());
  timeline_builder builder(*std::move(filter));
  const auto read = copy->each([&](const events::envelope& event) {
    builder.note(event);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return std::move(builder).finish();
}

void write(std::ostream& out, const timeline& picture, const std::string& format) {
  format == "html" ? write_html(out, picture) : write_chrome_trace(out, picture);
}

void print_summary(const context& ctx, const std::string& file, const timeline& picture) {
  const auto lanes = picture.lanes.size();
  const auto events = picture.markers.size();
  if (ctx.json)
    print_json({{"file", file}, {"lanes", lanes}, {"events", events}});
  else
    std::cout << file << ": " << lanes << " lanes, " << events << " events\n";
}

result<void> timeline_to(const context& ctx, const timeline_wish& wish) {
  const auto picture = draw(ctx, wish);
  if (!picture) return tl::unexpected(picture.error());
  if (wish.file == "-") {
    write(std::cout, *picture, wish.format);
    return {};
  }
  const auto file = !wish.file.empty()      ? wish.file
                    : wish.format == "html" ? std::string("platen-timeline.html")
                                            : std::string("platen-timeline.json");
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  write(out, *picture, wish.format);
  out.close();
  if (!out) return fail(exit_code::failed, "cannot write " + file);
  print_summary(ctx, file, *picture);
  return {};
}

}  // namespace

void add_timeline_commands(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand(
      "timeline", "Draw the log: one HTML file, or a trace for chrome://tracing and Perfetto");
  const auto wish = std::make_shared<timeline_wish>();
  command->add_option("file", wish->file,
                      "Where to; '-': standard output; default: platen-timeline.html or .json");
  command->add_option("--format", wish->format, "html or chrome")
      ->check(CLI::IsMember({"html", "chrome"}));
  add_filter_options(*command, wish->which);
  on_chosen(command, ctx, [&ctx, wish] { return timeline_to(ctx, *wish); });
}

}  // namespace platen::cli
