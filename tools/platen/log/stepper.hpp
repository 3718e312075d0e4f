// The commands of `platen replay --step`: words in, what to show out. Does no input or output of
// its own.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/platen/log/condition.hpp"
#include "tools/platen/log/time_machine.hpp"

namespace platen::cli {

struct answer {
  std::string text;     // for people; lines, without the last line end
  nlohmann::json data;  // the same for scripts
  bool quit = false;
};

// Not thread-safe; the spool must outlive it.
class stepper {
 public:
  stepper(const spool& log, name_book names) : log_(log), names_(std::move(names)), world_(log) {}

  // One command, see help_text. A failure leaves everything as it was.
  result<answer> run(const std::string& command);

  // "[seq 42/120 template/web PreparationFailed] "
  std::string prompt() const;

  // Where it stands, as `event` shows it in one line.
  result<answer> here() const;

 private:
  using words = std::vector<std::string>;

  result<answer> move(std::ptrdiff_t by);
  result<answer> go_to(const words& arguments);
  result<answer> run_to_breakpoint(bool forward);
  result<answer> add_breakpoint(const words& arguments);
  result<answer> list_breakpoints() const;
  result<answer> remove_breakpoint(const words& arguments);
  result<answer> state(const words& arguments) const;
  result<answer> diff() const;
  result<answer> event() const;
  result<answer> list() const;

  const spool& log_;
  name_book names_;
  time_machine world_;
  std::map<std::size_t, breakpoint> breakpoints_;  // by the number they are deleted with
  std::size_t next_breakpoint_ = 1;
};

// A table of all entities, as `platen replay` prints it.
std::string world_text(const actors::world& all);

// The position in the log that "SEQ" or a time means.
result<std::size_t> position_of(const spool& log, const std::string& text);

}  // namespace platen::cli
