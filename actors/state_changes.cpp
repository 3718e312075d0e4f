#include "actors/state_changes.hpp"

#include <map>

#include "actors/describe.hpp"
#include "events/json.hpp"

namespace platen::actors {

namespace {

struct leaf {
  std::string field;
  std::string value;
};

// Lists every value of a state under its path.
class flattener {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    const auto outer = path_;
    path_ += (path_.empty() ? "" : ".") + std::string(name);
    add(value);
    path_ = outer;
  }

  std::vector<leaf> leaves;

 private:
  template <class T>
  void add(const T& value) {
    if constexpr (described<T>) {
      describe(value, *this);
    } else {
      leaves.push_back({path_, text(value)});
    }
  }
  void add(const optional_like auto& value) {
    if (value) return add(*value);
    leaves.push_back({path_, "null"});
  }
  void add(const std::set<std::string>& values) { add_all(values); }
  template <class T>
  void add(const std::vector<T>& values) {
    add_all(values);
  }
  void add_all(const auto& values) {
    const auto outer = path_;
    std::size_t index = 0;
    for (const auto& value : values) {
      path_ = outer + "[" + std::to_string(index++) + "]";
      add(value);
    }
    path_ = outer;
  }

  static std::string text(const std::string& value) { return events::json_string(value); }
  static std::string text(bool value) { return value ? "true" : "false"; }
  template <class T>
  static std::string text(T value) {
    if constexpr (std::is_enum_v<T>)
      return events::json_string(std::string(to_string(value)));
    else
      return std::to_string(value);
  }

  std::string path_;
};

template <class State>
std::vector<leaf> flatten(const State& value) {
  flattener all;
  describe(value, all);
  return std::move(all.leaves);
}

template <class State>
std::vector<field_change> compare(const State& before, const State& after) {
  const auto old_leaves = flatten(before);
  const auto new_leaves = flatten(after);
  std::map<std::string, std::string> old_values;
  for (const auto& [field, value] : old_leaves)
    old_values.emplace(field, value);

  std::vector<field_change> result;
  for (const auto& [field, value] : new_leaves) {
    const auto old = old_values.extract(field);
    const auto before_text = old ? old.mapped() : "null";
    if (before_text != value) result.push_back({field, before_text, value});
  }
  // A field that stands for nothing is listed under its own name, its parts are not.
  for (const auto& [field, value] : old_leaves)
    if (old_values.contains(field) && value != "null") result.push_back({field, value, "null"});
  return result;
}

}  // namespace

std::vector<field_change> changes(const vm_template::state& before,
                                  const vm_template::state& after) {
  return compare(before, after);
}
std::vector<field_change> changes(const instance::state& before, const instance::state& after) {
  return compare(before, after);
}
std::vector<field_change> changes(const service_group::state& before,
                                  const service_group::state& after) {
  return compare(before, after);
}

}  // namespace platen::actors
