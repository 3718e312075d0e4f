// platen replay --step: reads commands, prints answers. What they do is in stepper.cpp.
#include <unistd.h>

#include <iostream>
#include <sstream>

#include "tools/platen/log/opened_log.hpp"
#include "tools/platen/log/replay_modes.hpp"
#include "tools/platen/log/stepper.hpp"
#include "tools/platen/log/subject.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

void print(const context& ctx, const answer& what) {
  if (ctx.json) {
    std::cout << what.data.dump(-1, ' ', true, json::error_handler_t::replace) << std::endl;
    return;
  }
  print_lines(what.text);
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// Commands that nobody watches: the first one that fails ends them.
class script_run {
 public:
  script_run(const context& ctx, stepper& steps) : ctx_(ctx), steps_(steps) {}

  // False: the script is over.
  result<bool> line(const std::string& text) {
    ++number_;
    const auto done = steps_.run(text);
    if (!done)
      return fail(exit_code::failed, "command " + std::to_string(number_) + " ('" + trimmed(text) +
                                         "'): " + done.error().message);
    if (done->quit) return false;
    if (!done->data.is_null() || !done->text.empty()) print(ctx_, *done);
    return true;
  }

 private:
  const context& ctx_;
  stepper& steps_;
  std::size_t number_ = 0;
};

result<void> run_all(const context& ctx, stepper& steps, std::istream& in, char separator) {
  script_run script(ctx, steps);
  for (std::string line; std::getline(in, line, separator);) {
    const auto goes_on = script.line(line);
    if (!goes_on) return tl::unexpected(goes_on.error());
    if (!*goes_on) break;
  }
  return {};
}

// A person may mistype: errors are shown and nothing ends. An empty line repeats the last command.
result<void> talk(const context& ctx, stepper& steps) {
  std::string last;
  std::cout << "platen replay: 'help' shows the commands\n";
  for (std::string line;
       std::cout << printable(steps.prompt()) << std::flush, std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t") == std::string::npos) line = last;
    last = line;
    const auto done = steps.run(line);
    if (!done) {
      std::cout << "error: " << printable(done.error().message) << '\n';
      continue;
    }
    if (done->quit) return {};
    print(ctx, *done);
  }
  std::cout << '\n';
  return {};
}

}  // namespace

result<void> replay_step(const context& ctx, const std::string& at, const std::string& script) {
  const auto copy = open_spool(ctx);
  if (!copy) return tl::unexpected(copy.error());
  auto names = read_names(*copy);
  if (!names) return tl::unexpected(names.error());
  stepper steps(*copy, *std::move(names));
  if (!at.empty())
    if (const auto begun = steps.run("goto " + at); !begun) return tl::unexpected(begun.error());
  if (!script.empty()) {
    std::istringstream in(script);
    return run_all(ctx, steps, in, ';');
  }
  if (isatty(STDIN_FILENO) == 1 && !ctx.json) return talk(ctx, steps);
  return run_all(ctx, steps, std::cin, '\n');
}

}  // namespace platen::cli
