// GET of instances and templates: by reference, or all of them page by page.
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "http/request/targets.hpp"
#include "http/routes/api.hpp"
#include "http/routes/entity_kind.hpp"
#include "http/view/time.hpp"

namespace platen::http {

struct page {
  bool details = true;
  std::int64_t count = 0;  // 0: all
  std::string from;        // a UUID or a moment, inclusive; empty: the first
  bool newest_first = false;
  std::vector<std::string> tags;  // all of them are wanted
  bool asked_for = false;         // any member but details was given
};

inline constexpr std::int64_t page_count_limit = 100'000;

// Problems are reported to the query.
page read_page(query_reader& query);

// True if the page begins with this one or lies before it in the page's order.
bool page_begins_at(const page& wanted, const std::string& uuid, std::int64_t created_us);

bool has_tags(const std::vector<std::string>& there, const std::vector<std::string>& wanted);

inline target_source source_of(const api& with, const api_request& request) {
  return {request.path_argument, request.http.target, request.http.body,
          with.how.bounds.bulk_items};
}

struct no_options {};

// What a request without options is about.
inline answer_or_error<std::vector<target<no_options>>> plain_targets(const api& with,
                                                                      const api_request& request) {
  return target_list<no_options>::read(
      source_of(with, request), [](query_reader&, no_options&) {},
      [](object_reader&, no_options&) {});
}

// An item for each target: what `show` makes of it, or that there is none.
template <class Kind, class Options, class Show>
void add_found(item_list& into, const actors::control_plane& control,
               const std::vector<target<Options>>& targets, Show show) {
  for (const auto& [which, ignored] : targets) {
    if (const auto found = Kind::find(control, which))
      into.succeeded(show(*found));
    else
      into.failed(to_json(which), missing(Kind::noun, which), item_code::not_found);
  }
}

// Service groups have no tags.
template <class Pointer>
concept tagged = requires(const Pointer& one) {
  one->spec.tags;
};

// `all` is oldest first. A cursor that names nobody gives an empty page.
template <class Pointer>
std::vector<Pointer> page_of(std::vector<Pointer> all, const page& wanted) {
  if constexpr (tagged<Pointer>)
    std::erase_if(all, [&](const Pointer& one) { return !has_tags(one->spec.tags, wanted.tags); });
  if (wanted.newest_first) std::reverse(all.begin(), all.end());
  const auto first = std::find_if(all.begin(), all.end(), [&](const Pointer& one) {
    return page_begins_at(wanted, one->id, one->created_us);
  });
  all.erase(all.begin(), first);
  if (wanted.count > 0 && all.size() > static_cast<std::size_t>(wanted.count))
    all.resize(static_cast<std::size_t>(wanted.count));
  return all;
}

// Page and references say in two ways what is wanted.
inline std::optional<request_error> page_fault(const page& wanted, bool has_references, bool tagged,
                                               std::string_view noun) {
  if (has_references && wanted.asked_for)
    return request_error{
        400, "'count', 'from', 'order', 'sortby' and 'tags' cannot be given with references", {}};
  if (!tagged && !wanted.tags.empty())
    return request_error{400, "'tags' cannot be given: " + std::string(noun) + "s have none", {}};
  return std::nullopt;
}

template <class Kind>
answer_or_error<reply> look_up(api& with, const api_request& request) {
  page wanted;
  const auto targets = target_list<page>::read(
      source_of(with, request), [&](query_reader& query, page&) { wanted = read_page(query); },
      [](object_reader&, page&) {});
  if (!targets) return tl::unexpected(targets.error());
  if (const auto fault =
          page_fault(wanted, !targets->empty(), tagged<typename Kind::pointer>, Kind::noun))
    return tl::unexpected(*fault);
  const auto& control = with.on.control;
  const auto pool = with.how.warm_pool ? with.how.warm_pool() : hypervisor::warm_pool_status{};
  const auto show = [&](const auto& one) {
    if (!wanted.details) return basics(one);
    auto shown = Kind::show(control, one);
    if constexpr (std::is_same_v<Kind, template_kind>) put_warm(one, pool, shown);
    return shown;
  };
  item_list items(Kind::list);
  if (targets->empty())
    for (const auto& one : page_of(Kind::all(control), wanted))
      items.succeeded(show(*one));
  add_found<Kind>(items, control, *targets, show);
  return std::move(items).finish();
}

}  // namespace platen::http
