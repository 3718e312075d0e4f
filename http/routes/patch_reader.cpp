#include "http/routes/patch_reader.hpp"

#include <array>
#include <functional>

#include "http/create/settings_reader.hpp"
#include "http/create/vm_spec_reader.hpp"
#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

using actors::edit_op;

constexpr std::size_t id_bytes_limit = 256;

edit_op read_op(object_reader& item) {
  const auto op = item.text("op", 8).value_or("");
  if (!item.has("op")) item.report("op", "is required: 'set', 'add' or 'del'");
  if (item.has("op") && op != "set" && op != "add" && op != "del")
    item.report("op", "must be 'set', 'add' or 'del'");
  const auto how = op == "add" ? edit_op::add : op == "del" ? edit_op::del : edit_op::set;
  if (how != edit_op::del && !item.has("value")) item.report("value", "is required");
  return how;
}

void require_scalar(object_reader& item, edit_op how) {
  if (how == edit_op::add) item.report("op", "cannot be 'add' for a property with one value");
}

void require_set(object_reader& item, edit_op how) {
  if (how != edit_op::set) item.report("op", "must be 'set' for this property");
}

// Names to be taken out: one, several, or none for all of them.
std::vector<std::string> read_names(object_reader& item, std::size_t items, std::size_t bytes) {
  const auto* value = item.any("value");
  if (value == nullptr) return {};
  if (value->is_string()) return {item.text("value", bytes).value_or("")};
  return item.texts("value", items, bytes);
}

actors::map_edit read_map(object_reader& item, edit_op how, std::size_t names_limit,
                          const std::function<std::vector<events::variable>()>& read_members) {
  if (how != edit_op::del) return {how, read_members()};
  actors::map_edit edit{how, {}};
  for (auto& name : read_names(item, names_limit, path_limit)) {
    events::variable member;
    member.name = std::move(name);
    edit.members.push_back(std::move(member));
  }
  return edit;
}

actors::list_edit read_tag_edit(object_reader& item, edit_op how) {
  if (how == edit_op::del) return {how, read_names(item, tags_limit, tag_bytes_limit)};
  return {how, read_tags(item, "value")};
}

std::uint64_t read_autokill_edit(object_reader& item, edit_op how) {
  require_scalar(item, how);
  return how == edit_op::del ? 0 : read_autokill_ms(item, "value");
}

bool read_lock_edit(object_reader& item, edit_op how) {
  require_scalar(item, how);
  return how != edit_op::del && item.boolean("value").value_or(false);
}

// Every property has a row: how it is read into a change.
template <class Change>
struct property {
  std::string_view name;
  void (*read)(object_reader& item, edit_op how, Change& into);
};

using of_template = actors::vm_template::change;
using of_instance = actors::instance::change;

template <class Change>
constexpr std::array<property<Change>, 2> common_properties{{
    {"tags",
     [](object_reader& item, edit_op how, Change& into) { into.tags = read_tag_edit(item, how); }},
    {"delete_lock", [](object_reader& item, edit_op how,
                       Change& into) { into.delete_lock = read_lock_edit(item, how); }},
}};

constexpr std::array<property<of_template>, 1> template_properties{{
    {"autokill", [](object_reader& item, edit_op how,
                    of_template& into) { into.autokill_ms = read_autokill_edit(item, how); }},
}};

constexpr std::array<property<of_instance>, 9> instance_properties{{
    {"autokill",
     [](object_reader& item, edit_op how, of_instance& into) {
       require_scalar(item, how);
       const auto read =
           how == edit_op::del ? instance_autokill{} : read_instance_autokill(item, "value");
       into.autokill_ms = read.time_ms;
       into.autokill_requests = read.requests;
     }},
    {"scale_to_zero",
     [](object_reader& item, edit_op how, of_instance& into) {
       require_scalar(item, how);
       into.scale_to_zero = actors::instance::scaling{"off", false, default_cooldown_ms, 0};
       if (how != edit_op::del) into.scale_to_zero = read_scale_to_zero(item, "value");
     }},
    {"image",
     [](object_reader& item, edit_op how, of_instance& into) {
       require_set(item, how);
       into.image = read_image(item, "value");
     }},
    {"args",
     [](object_reader& item, edit_op how, of_instance& into) {
       into.args = {how, how == edit_op::del && !item.has("value")
                             ? std::vector<std::string>()
                             : read_names(item, args_limit, arg_bytes_limit)};
     }},
    {"env",
     [](object_reader& item, edit_op how, of_instance& into) {
       into.env = read_map(item, how, env_limit, [&] { return read_env(item, "value"); });
     }},
    {"memory_mb",
     [](object_reader& item, edit_op how, of_instance& into) {
       require_set(item, how);
       into.memory_mb = read_memory_mb(item, "value");
     }},
    {"vcpus",
     [](object_reader& item, edit_op how, of_instance& into) {
       require_set(item, how);
       into.vcpus = read_vcpus(item, "value");
     }},
    {"hostname",
     [](object_reader& item, edit_op how, of_instance& into) {
       require_scalar(item, how);
       into.hostname = how == edit_op::del ? "" : read_hostname(item, "value");
     }},
    {"annotations",
     [](object_reader& item, edit_op how, of_instance& into) {
       into.annotations =
           read_map(item, how, annotations_limit, [&] { return read_annotations(item, "value"); });
     }},
}};

template <class Change>
void read_item(object_reader& item, patch_item<Change>& into, const auto& properties,
               std::string_view known, std::initializer_list<std::string_view> to_come) {
  into.id = item.text("id", id_bytes_limit).value_or("");
  const auto prop = item.text("prop", name_limit).value_or("");
  const auto how = read_op(item);
  for (const auto* row : properties) {
    if (row->name == prop) return row->read(item, how, into.what);
  }
  item.any("value");
  const bool later = std::find(to_come.begin(), to_come.end(), prop) != to_come.end();
  if (!item.has("prop"))
    item.report("prop", "is required: " + std::string(known));
  else if (later)
    item.report("prop", "'" + prop + "' is not supported yet");
  else
    item.report("prop", "must be " + std::string(known));
}

template <class Change>
std::vector<const property<Change>*> rows_of(const auto&... tables) {
  std::vector<const property<Change>*> rows;
  const auto add = [&](const auto& table) {
    for (const auto& row : table)
      rows.push_back(&row);
  };
  (add(tables), ...);
  return rows;
}

}  // namespace

void read_patch(object_reader& item, patch_item<of_instance>& into) {
  static const auto rows =
      rows_of<of_instance>(common_properties<of_instance>, instance_properties);
  read_item(item, into, rows,
            "'image', 'args', 'env', 'memory_mb', 'vcpus', 'hostname', 'tags', 'annotations', "
            "'delete_lock', 'autokill' or 'scale_to_zero'",
            {"schedules", "roms", "plugins", "dependencies", "sched_priority"});
}

void read_patch(object_reader& item, patch_item<of_template>& into) {
  static const auto rows =
      rows_of<of_template>(common_properties<of_template>, template_properties);
  read_item(item, into, rows, "'tags', 'delete_lock' or 'autokill'", {});
}

}  // namespace platen::http
