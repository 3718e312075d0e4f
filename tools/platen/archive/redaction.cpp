#include "tools/platen/archive/redaction.hpp"

namespace platen::cli {
namespace {

void add_words(std::string& words, const std::string& option,
               const std::vector<std::string>& values) {
  for (const auto& value : values)
    words += (words.empty() ? "" : " ") + option + " " + value;
}

}  // namespace

result<redaction> redaction::parse(events::filter wanted, const std::vector<std::string>& rules) {
  std::vector<rule> read;
  for (const auto& text : rules) {
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    const auto value = equals == std::string::npos ? "" : text.substr(equals + 1);
    rule made{text, {}, 0};
    if (name == "type") made.what.types = {value};
    if (name == "stream") made.what.streams = {value};
    if (name == "principal") made.what.principals = {value};
    if (value.empty() || events::is_unrestricted(made.what))
      return fail(
          exit_code::usage,
          "--redact: expected type=NAME, stream=NAME or principal=NAME, found '" + text + "'");
    read.push_back(std::move(made));
  }
  return redaction(std::move(wanted), std::move(read));
}

bool redaction::withholds(const events::envelope& event) {
  bool withheld = !events::passes(wanted_, event);
  if (!withheld) ++passed_;
  for (auto& each : rules_)
    if (events::passes(each.what, event)) {
      ++each.met;
      withheld = true;
    }
  return withheld;
}

std::string redaction::in_words() const {
  std::string words;
  add_words(words, "--stream", wanted_.streams);
  add_words(words, "--type", wanted_.types);
  for (const auto& each : rules_)
    add_words(words, "--redact", {each.text});
  return words;
}

std::vector<std::string> redaction::unmet() const {
  std::vector<std::string> found;
  for (const auto& each : rules_)
    if (each.met == 0) found.push_back(each.text);
  return found;
}

}  // namespace platen::cli
