#include "tools/platen/entity.hpp"

#include <algorithm>
#include <cctype>
#include <iostream>

#include "tools/platen/base64.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

constexpr std::uint64_t log_page_bytes = 16383;  // the largest page the API's clients ask for

struct log_page {
  std::string bytes;
  std::uint64_t begin = 0;
  std::uint64_t available = 0;
};

result<log_page> read_page(client& api, const entity_kind& kind, const log_wish& wish,
                           std::int64_t offset) {
  auto parameters = query_for(wish.which);
  parameters.emplace("offset", std::to_string(offset));
  parameters.emplace("limit", std::to_string(log_page_bytes));
  parameters.emplace("kind", wish.console ? "console" : "workload");
  const auto answer = api.send(method::get, kind.path + "/log", parameters);
  if (!answer) return tl::unexpected(answer.error());
  const auto items = answer->items("instances");
  if (items.empty()) return fail(exit_code::failed, "the daemon sent no log");
  if (auto failed = failure_of(items.front(), answer->timed_out)) return tl::unexpected(*failed);
  auto bytes = from_base64(items.front().value("output", std::string()));
  if (!bytes) return fail(exit_code::failed, "the daemon sent a log that is not base64");
  const auto range = items.front().value("range", json::object());
  const auto available = items.front().value("available", json::object());
  return log_page{*std::move(bytes), range.value("start", std::uint64_t{0}),
                  available.value("end", std::uint64_t{0})};
}

}  // namespace

const entity_kind& instances() {
  static const entity_kind kind{"/v1/instances", "instance"};
  return kind;
}

const entity_kind& templates() {
  static const entity_kind kind{"/v1/instances/templates", "template"};
  return kind;
}

const entity_kind& services() {
  static const entity_kind kind{"/v1/services", "service group", "service_groups"};
  return kind;
}

const entity_kind& certificates() {
  static const entity_kind kind{"/v1/certificates", "certificate", "certificates"};
  return kind;
}

const entity_kind& factories() {
  static const entity_kind kind{"/v1/factory", "factory", "factories"};
  return kind;
}

bool is_uuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return false;
  }
  return true;
}

json reference_to(const std::string& name_or_uuid) {
  return {{is_uuid(name_or_uuid) ? "uuid" : "name", name_or_uuid}};
}

query query_for(const std::string& name_or_uuid) {
  return {{is_uuid(name_or_uuid) ? "uuid" : "name", name_or_uuid}};
}

result<json> fetch_one(client& api, const entity_kind& kind, const std::string& name_or_uuid) {
  const auto answer = api.send(method::get, kind.path, query_for(name_or_uuid));
  if (!answer) return tl::unexpected(answer.error());
  const auto items = answer->items(kind.list);
  if (items.empty())
    return fail(exit_code::not_found, "no " + kind.noun + " '" + name_or_uuid + "'");
  if (auto failed = failure_of(items.front(), answer->timed_out)) return tl::unexpected(*failed);
  return items.front();
}

result<std::vector<json>> fetch_all(client& api, const entity_kind& kind) {
  const auto answer = api.send(method::get, kind.path);
  if (!answer) return tl::unexpected(answer.error());
  return answer->items(kind.list);
}

void print_warnings(const reply& answer) {
  for (const auto& warning : answer.warnings)
    std::cerr << "platen: warning: " << printable(warning) << '\n';
}

bulk_outcome sort_items(const reply& answer, const entity_kind& kind) {
  bulk_outcome out;
  for (const auto& item : answer.items(kind.list)) {
    auto failed = failure_of(item, answer.timed_out);
    if (!failed) {
      out.done.push_back(item);
      continue;
    }
    std::cerr << "platen: " << printable(failed->message) << '\n';
    failed->message.clear();
    if (!out.worst) out.worst = std::move(failed);
  }
  return out;
}

result<void> print_outcome(const bulk_outcome& outcome, bool as_json,
                           const std::function<std::string(const json&)>& line_of) {
  if (as_json)
    print_json(outcome.done);
  else
    for (const auto& item : outcome.done)
      std::cout << line_of(item) << '\n';
  if (outcome.worst) return tl::unexpected(*outcome.worst);
  return {};
}

result<void> remove_all(client& api, const entity_kind& kind, const std::vector<std::string>& which,
                        bool as_json) {
  json body = json::array();
  for (const auto& one : which)
    body.push_back(reference_to(one));
  const auto answer = api.send(method::remove, kind.path, {}, body);
  if (!answer) return tl::unexpected(answer.error());
  return print_outcome(sort_items(*answer, kind), as_json,
                       [](const json& item) { return text_of(item, "name"); });
}

result<void> print_log(client& api, const entity_kind& kind, const log_wish& wish) {
  auto offset =
      wish.tail_bytes == 0 ? std::int64_t{0} : -static_cast<std::int64_t>(wish.tail_bytes);
  while (true) {
    const auto page = read_page(api, kind, wish, offset);
    if (!page) return tl::unexpected(page.error());
    std::cout.write(page->bytes.data(), static_cast<std::streamsize>(page->bytes.size()));
    const auto next = page->begin + page->bytes.size();
    if (page->bytes.empty() || next >= page->available) break;
    offset = static_cast<std::int64_t>(next);
  }
  std::cout.flush();
  return {};
}

}  // namespace platen::cli
