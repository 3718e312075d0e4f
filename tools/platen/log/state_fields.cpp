#include "tools/platen/log/state_fields.hpp"

#include <algorithm>
#include <set>

#include "actors/describe.hpp"
#include "events/json.hpp"

namespace platen::cli {
namespace {

using nlohmann::json;

// ---- from states to JSON -----------------------------------------------------------------------

class json_writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    out[name] = of(value);
  }

  json out = json::object();

 private:
  template <class T>
  static json of(const T& value) {
    if constexpr (actors::described<T>) {
      json_writer inner;
      actors::describe(value, inner);
      return inner.out;
    } else if constexpr (std::is_enum_v<T>) {
      return std::string(to_string(value));
    } else {
      return value;
    }
  }
  template <actors::optional_like T>
  static json of(const T& value) {
    return value ? of(*value) : json();
  }
  template <class T>
  static json of(const std::vector<T>& values) {
    json list = json::array();
    for (const auto& one : values)
      list.push_back(of(one));
    return list;
  }
};

template <class State>
json write(const State& value) {
  json_writer writer;
  actors::describe(value, writer);
  return std::move(writer.out);
}

// ---- names -------------------------------------------------------------------------------------

class name_lister {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    const auto outer = path_;
    path_ += (path_.empty() ? "" : ".") + std::string(name);
    add(value);
    path_ = outer;
  }

  std::set<std::string> names;

 private:
  template <class T>
  void add(const T& value) {
    if constexpr (actors::described<T>)
      actors::describe(value, *this);
    else
      names.insert(path_);
  }
  template <actors::optional_like T>
  void add(const T&) {
    names.insert(path_);
    add(std::remove_cvref_t<decltype(*std::declval<T>())>{});
  }

  std::string path_;
};

// ---- text --------------------------------------------------------------------------------------

bool is_moment(const std::string& field, const json& value) {
  return field.ends_with("_us") && value.is_number_integer() && value != 0;
}

std::string shown(const std::string& field, const json& value) {
  if (value.is_null() || value == "") return "-";
  if (is_moment(field, value)) return events::to_rfc3339(value.get<std::int64_t>());
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool is_empty(const json& value) {
  return value.is_null() || value == "" || value == 0 || value == false ||
         ((value.is_array() || value.is_object()) && value.empty());
}

void add_lines(const json& value, const std::string& path, std::string& out) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.items())
      add_lines(member, path.empty() ? name : path + "." + name, out);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      add_lines(value[i], path + "[" + std::to_string(i) + "]", out);
  } else if (!is_empty(value)) {
    out += (out.empty() ? "" : "\n") + path + ": " + shown(path, value);
  }
}

std::string id_of(const std::string& stream) {
  return stream.substr(stream.find('/') + 1);
}

template <class State>
State state_in(const actors::by_uuid<State>& entities, const std::string& id) {
  const auto found = entities.find(id);
  return found == entities.end() ? State{} : found->second;
}

}  // namespace

json fields_json(const actors::vm_template::state& value) {
  return write(value);
}
json fields_json(const actors::instance::state& value) {
  return write(value);
}

json fields_json(const actors::service_group::state& value) {
  return write(value);
}

json entity_json(const actors::world& all, const std::string& stream) {
  const auto id = id_of(stream);
  if (stream.starts_with("template/") && all.templates.contains(id))
    return fields_json(all.templates.at(id));
  if (stream.starts_with("instance/") && all.instances.contains(id))
    return fields_json(all.instances.at(id));
  if (actors::is_service_stream(stream) && all.services.contains(id))
    return fields_json(all.services.at(id));
  return nullptr;
}

std::vector<actors::field_change> entity_changes(const actors::world& before,
                                                 const actors::world& after,
                                                 const std::string& stream) {
  const auto id = id_of(stream);
  if (stream.starts_with("template/"))
    return actors::changes(state_in(before.templates, id), state_in(after.templates, id));
  if (stream.starts_with("instance/"))
    return actors::changes(state_in(before.instances, id), state_in(after.instances, id));
  if (actors::is_service_stream(stream))
    return actors::changes(state_in(before.services, id), state_in(after.services, id));
  return {};
}

// A path is turned into a JSON pointer: "a.b[0].c" is /a/b/0/c.
const json* field_at(const json& state, const std::string& path) {
  std::string pointer = "/";
  for (const char c : path) {
    if (c == '.' || c == '[')
      pointer += '/';
    else if (c != ']')
      pointer += c;
  }
  if (path.find_first_of("/~") != std::string::npos) return nullptr;
  const json::json_pointer where(pointer);
  if (!state.contains(where)) return nullptr;
  const auto& found = state.at(where);
  return found.is_primitive() && !found.is_null() ? &found : nullptr;
}

const std::vector<std::string>& field_names() {
  static const std::vector<std::string> names = [] {
    name_lister lister;
    const actors::vm_template::state any_template;
    const actors::instance::state any_instance;
    actors::describe(any_template, lister);
    const actors::service_group::state any_group;
    actors::describe(any_instance, lister);
    actors::describe(any_group, lister);
    return std::vector<std::string>(lister.names.begin(), lister.names.end());
  }();
  return names;
}

std::string to_text(const actors::field_change& change) {
  const auto side = [&](const std::string& text) {
    return shown(change.field, json::parse(text, nullptr, false));
  };
  return change.field + ": " + side(change.before) + " → " + side(change.after);
}

std::string fields_text(const json& state) {
  std::string out;
  add_lines(state, "", out);
  return out;
}

}  // namespace platen::cli
