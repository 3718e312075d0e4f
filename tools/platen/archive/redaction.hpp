// Which events of an export are passed on without their payload. Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "events/filter.hpp"
#include "tools/platen/outcome.hpp"

namespace platen::cli {

class redaction {
 public:
  // `wanted`: events that do not pass it are withheld. `rules`: "type=NAME", "stream=NAME or
  // KIND/*", "principal=NAME"; events that meet any of them are withheld, too. The failure names
  // the rule.
  static result<redaction> parse(events::filter wanted, const std::vector<std::string>& rules);

  bool withholds(const events::envelope& event);

  // For the segment's header: what was withheld, as options of the command line; empty: nothing.
  std::string in_words() const;

  // The rules that no event has met so far, as they were given.
  std::vector<std::string> unmet() const;

  // Of the events so far, how many passed the filter.
  std::uint64_t passed() const { return passed_; }

 private:
  struct rule {
    std::string text;
    events::filter what;
    std::uint64_t met = 0;
  };

  redaction(events::filter wanted, std::vector<rule> rules)
      : wanted_(std::move(wanted)), rules_(std::move(rules)) {}

  events::filter wanted_;
  std::vector<rule> rules_;
  std::uint64_t passed_ = 0;
};

}  // namespace platen::cli
