#include "hypervisor/guest/init/user.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace platen::guest {
namespace {

using fields = std::vector<std::string_view>;

fields split(std::string_view text, char separator) {
  fields parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The first line of a colon-separated file whose field `index` is `value`.
std::optional<fields> find_entry(std::string_view file, std::size_t index, std::string_view value,
                                 std::size_t columns) {
  for (const auto line : split(file, '\n')) {
    auto entry = split(line, ':');
    if (entry.size() >= columns && entry[index] == value) return entry;
  }
  return std::nullopt;
}

constexpr std::size_t passwd_columns = 6;
constexpr std::size_t group_columns = 4;

tl::expected<gid_t, std::string> resolve_group(std::string_view wanted, std::string_view group) {
  if (const auto entry = find_entry(group, 0, wanted, group_columns)) {
    if (const auto gid = number((*entry)[2])) return *gid;
  }
  if (const auto gid = number(wanted)) return *gid;
  return tl::unexpected("the group \"" + std::string(wanted) +
                        "\" is not in the image's /etc/group");
}

std::vector<gid_t> groups_of(std::string_view name, std::string_view group) {
  std::vector<gid_t> groups;
  for (const auto line : split(group, '\n')) {
    const auto entry = split(line, ':');
    if (entry.size() < group_columns) continue;
    const auto members = split(entry[3], ',');
    const auto gid = number(entry[2]);
    if (gid && std::ranges::find(members, name) != members.end()) groups.push_back(*gid);
  }
  return groups;
}

}  // namespace

tl::expected<workload_user, std::string> resolve_user(std::string_view wanted,
                                                      std::string_view passwd,
                                                      std::string_view group) {
  const auto colon = wanted.find(':');
  const auto name = wanted.empty() ? std::string_view("0") : wanted.substr(0, colon);
  auto entry = find_entry(passwd, 0, name, passwd_columns);
  if (!entry) entry = find_entry(passwd, 2, name, passwd_columns);

  workload_user user;
  if (entry) {
    user.uid = number((*entry)[2]).value_or(0);
    user.gid = number((*entry)[3]).value_or(0);
    if (!(*entry)[5].empty()) user.home = (*entry)[5];
    if (!number((*entry)[2]) || !number((*entry)[3]))
      return tl::unexpected("the entry of \"" + std::string(name) +
                            "\" in the image's /etc/passwd has no numeric ids");
  } else if (const auto uid = number(name)) {
    user.uid = *uid;
  } else {
    return tl::unexpected("the user \"" + std::string(name) +
                          "\" is not in the image's /etc/passwd");
  }

  if (colon != std::string_view::npos) {
    const auto gid = resolve_group(wanted.substr(colon + 1), group);
    if (!gid) return tl::unexpected(gid.error());
    user.gid = *gid;
  } else if (entry) {
    user.groups = groups_of((*entry)[0], group);
  }
  user.groups.insert(user.groups.begin(), user.gid);
  return user;
}

}  // namespace platen::guest
