#include "tools/platen/log/subject.hpp"

#include <algorithm>

#include "actors/scoped_name.hpp"

namespace platen::cli {
namespace {

struct typed {
  std::string kind;  // empty: any
  std::string rest;
};

typed split(const std::string& text) {
  for (const std::string kind : {"template", "instance", "service"})
    if (text.starts_with(kind + "/")) return {kind, text.substr(kind.size() + 1)};
  return {"", text};
}

failure ambiguous(const name_book& names, const std::string& text,
                  const std::vector<known_entity>& all) {
  auto message = "'" + text + "' is ambiguous: ";
  constexpr std::size_t most_shown = 8;
  for (std::size_t i = 0; i < std::min(all.size(), most_shown); ++i)
    message += (i == 0 ? "" : ", ") + spoken(names, all[i].stream()) + " (" + all[i].uuid + ")";
  if (all.size() > most_shown)
    message += " and " + std::to_string(all.size() - most_shown) + " more";
  return {exit_code::failed, message + "; write KIND/NAME or the whole UUID"};
}

// Of those who had the name one after the other: the living one, else the newest.
subject chosen(const name_book& names, const std::vector<known_entity>& namesakes) {
  auto best = std::find_if(namesakes.begin(), namesakes.end(),
                           [](const auto& one) { return !one.deleted; });
  if (best == namesakes.end()) best = namesakes.end() - 1;
  subject out;
  out.stream = best->stream();
  out.label = spoken(names, out.stream);
  for (const auto& one : namesakes)
    if (one.stream() != out.stream) out.namesakes.push_back(one.stream());
  return out;
}

bool of_one_kind(const std::vector<known_entity>& all) {
  return std::all_of(all.begin(), all.end(),
                     [&](const auto& one) { return one.kind == all.front().kind; });
}

// A service group often has the name of its instance; who means the group says "service/NAME".
std::vector<known_entity> without_services(std::vector<known_entity> all) {
  const auto is_service = [](const auto& one) { return one.kind == "service"; };
  if (!std::all_of(all.begin(), all.end(), is_service)) std::erase_if(all, is_service);
  return all;
}

result<bool> has_request(const spool& log, const std::string& id) {
  bool found = false;
  const auto read = log.each([&](const events::envelope& event) {
    found = event.why.request_id == id;
    return !found;
  });
  if (!read) return tl::unexpected(read.error());
  return found;
}

}  // namespace

std::string spoken(const name_book& names, const std::string& stream) {
  const auto slash = stream.find('/');
  const auto* entity = names.find(stream);
  if (slash == std::string::npos) return stream;
  return stream.substr(0, slash) + " " +
         (entity == nullptr || actors::is_unnamed(entity->name) ? stream.substr(slash + 1)
                                                                : entity->name);
}

result<name_book> read_names(const spool& log) {
  name_book names;
  const auto read = log.each([&](const events::envelope& event) {
    names.note(event);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return names;
}

result<subject> find_subject(const spool& log, const name_book& names, const std::string& text) {
  const auto [kind, rest] = split(text);
  const auto named = without_services(names.named(kind, rest));
  if (!rest.empty() && !named.empty()) {
    if (!of_one_kind(named)) return tl::unexpected(ambiguous(names, text, named));
    return chosen(names, named);
  }
  const auto found = names.with_uuid(kind, rest);
  if (found.size() > 1) return tl::unexpected(ambiguous(names, text, found));
  if (found.size() == 1) return chosen(names, found);
  const auto request = kind.empty() && !rest.empty() ? has_request(log, rest) : false;
  if (!request) return tl::unexpected(request.error());
  if (*request) return subject{"", rest, "request " + rest, {}};
  return fail(exit_code::not_found, "the log has no template, instance, service or request '" +
                                        text + "'" + names.suggestion(kind, rest));
}

}  // namespace platen::cli
