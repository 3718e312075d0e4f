#include "http/create/settings_reader.hpp"

#include <algorithm>

#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool consists_of(std::string_view text, std::string_view signs) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || signs.find(c) != std::string_view::npos;
  });
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= tag_bytes_limit && consists_of(text, "-+_.:=");
}

// [<DNS subdomain>/]<name>
bool is_annotation_key(std::string_view key) {
  constexpr std::size_t prefix_limit = 253;
  if (const auto slash = key.find('/'); slash != std::string_view::npos) {
    const auto prefix = key.substr(0, slash);
    if (prefix.empty() || prefix.size() > prefix_limit || !consists_of(prefix, "-.")) return false;
    key.remove_prefix(slash + 1);
  }
  return !key.empty() && key.size() <= name_limit && consists_of(key, "-_.");
}

bool has_control_sign(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void read_features(object_reader& reader, events::vm_spec& into) {
  constexpr std::size_t features_limit = 8;
  for (const auto& feature : reader.texts("features", features_limit, name_limit)) {
    if (feature == "delete-on-stop")
      into.delete_on_stop = true;
    else if (feature == "nested-virt")
      reader.report("features", "cannot have 'nested-virt': it is not supported yet");
    else
      reader.report("features", "must be of 'delete-on-stop'");
  }
}

}  // namespace

std::vector<std::string> read_tags(object_reader& reader, std::string_view member) {
  std::vector<std::string> tags;
  for (auto& tag : reader.texts(member, tags_limit, tag_bytes_limit)) {
    if (!is_tag(tag))
      reader.report(member, "must be of 1 to 256 characters of A-Z, a-z, 0-9 and '-+_.:=' each");
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(std::move(tag));
  }
  return tags;
}

std::vector<events::variable> read_annotations(object_reader& reader, std::string_view member) {
  std::vector<events::variable> annotations;
  const auto* given = reader.object(member);
  if (given == nullptr) return annotations;
  if (given->size() > annotations_limit)
    reader.report(member, "has more than " + std::to_string(annotations_limit) + " members");
  object_reader members(*given, reader.path_of(member), reader.problem());
  for (const auto& [key, ignored] : given->items()) {
    if (reader.problem().found()) break;
    if (!is_annotation_key(key))
      members.report(key,
                     "is not a valid key: [<prefix>/]<name>, the prefix a DNS subdomain, the name "
                     "1 to 63 characters of A-Z, a-z, 0-9 and '-_.'");
    events::variable made;
    made.name = key;
    made.value = members.text(key, annotation_bytes_limit).value_or("");
    if (has_control_sign(made.value)) members.report(key, "contains a control character");
    annotations.push_back(std::move(made));
  }
  return annotations;
}

std::uint64_t read_autokill_ms(object_reader& reader, std::string_view member) {
  const auto* given = reader.object(member);
  if (given == nullptr) return 0;
  object_reader autokill(*given, reader.path_of(member), reader.problem());
  const auto time = autokill.integer("time_ms", 0, autokill_ms_limit).value_or(0);
  autokill.not_supported_yet({"num_requests"});
  autokill.refuse_others();
  return static_cast<std::uint64_t>(time);
}

instance_autokill read_instance_autokill(object_reader& reader, std::string_view member) {
  constexpr std::int64_t requests_limit = 1'000'000'000'000;
  const auto* given = reader.object(member);
  if (given == nullptr) return {};
  object_reader autokill(*given, reader.path_of(member), reader.problem());
  instance_autokill read;
  read.time_ms =
      static_cast<std::uint64_t>(autokill.integer("time_ms", 0, autokill_ms_limit).value_or(0));
  read.requests =
      static_cast<std::uint64_t>(autokill.integer("num_requests", 0, requests_limit).value_or(0));
  autokill.refuse_others();
  return read;
}

std::optional<actors::instance::scaling> read_scale_to_zero(object_reader& reader,
                                                            std::string_view member) {
  constexpr std::int64_t cooldown_limit = 24ll * 3600 * 1000;  // a day
  const auto* given = reader.object(member);
  if (given == nullptr) return std::nullopt;
  object_reader scaling(*given, reader.path_of(member), reader.problem());
  actors::instance::scaling read;
  read.policy = scaling.text("policy", 16).value_or("");
  if (!scaling.has("policy")) scaling.report("policy", "is required: 'off', 'on' or 'idle'");
  if (scaling.has("policy") && read.policy != "off" && read.policy != "on" && read.policy != "idle")
    scaling.report("policy", "must be 'off', 'on' or 'idle'");
  read.stateful = scaling.boolean("stateful").value_or(false);
  read.cooldown_ms = static_cast<std::uint32_t>(
      scaling.integer("cooldown_time_ms", 1, cooldown_limit).value_or(default_cooldown_ms));
  read.notify_ms =
      static_cast<std::uint32_t>(scaling.integer("notify_time_ms", 0, cooldown_limit).value_or(0));
  if (read.notify_ms != 0 && read.notify_ms >= read.cooldown_ms)
    scaling.report("notify_time_ms", "must be less than 'cooldown_time_ms', which is " +
                                         std::to_string(read.cooldown_ms));
  scaling.refuse_others();
  return read;
}

void read_settings(object_reader& reader, events::vm_spec& into) {
  into.tags = read_tags(reader, "tags");
  into.annotations = read_annotations(reader, "annotations");
  const auto autokill = read_instance_autokill(reader, "autokill");
  into.autokill_ms = autokill.time_ms;
  into.autokill_requests = autokill.requests;
  const auto scaling = read_scale_to_zero(reader, "scale_to_zero");
  // Absent stays absent: an instance of a template scales as its template says then.
  if (scaling) {
    into.scale_to_zero = scaling->policy;
    into.stateful = scaling->stateful;
    into.cooldown_ms = scaling->cooldown_ms;
    into.notify_ms = scaling->notify_ms;
  }
  read_features(reader, into);
  if (into.delete_on_stop && actors::instance::scales_to_zero(into))
    reader.report("scale_to_zero", "cannot be combined with the feature 'delete-on-stop'");
  const auto policy = reader.text("restart_policy", 16).value_or("never");
  if (policy != "never" && policy != "always" && policy != "on-failure")
    reader.report("restart_policy", "must be 'never', 'always' or 'on-failure'");
  // Absent stays absent: an instance of a template has its template's policy then.
  if (reader.has("restart_policy")) into.restart_policy = policy;
  if (into.delete_on_stop && policy != "never")
    reader.report("restart_policy", "cannot be combined with the feature 'delete-on-stop'");
}

}  // namespace platen::http
