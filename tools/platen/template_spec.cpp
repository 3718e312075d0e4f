#include "tools/platen/template_spec.hpp"

#include <array>

#include "events/hash.hpp"

namespace platen::cli {
namespace {

using nlohmann::json;

// What a clone has from its template and cannot say itself.
constexpr std::array<const char*, 5> frozen_members = {"image", "args", "env", "memory_mb",
                                                       "vcpus"};
// What it has from its template where it says nothing.
constexpr std::array<const char*, 3> inherited_members = {"restart_policy", "autokill",
                                                          "annotations"};

void add_defaults(json& level) {
  if (!level.contains("memory_mb")) level["memory_mb"] = 128;
  if (!level.contains("vcpus")) level["vcpus"] = 1;
}

json on_top_of(const json& below, json own) {
  for (const auto* member : frozen_members)
    if (below.contains(member)) own[member] = below[member];
  for (const auto* member : inherited_members) {
    if (!below.contains(member)) continue;
    auto merged = below[member];
    if (own.contains(member) && merged.is_object() && own[member].is_object())
      merged.update(own[member]);
    else if (own.contains(member))
      merged = own[member];
    own[member] = std::move(merged);
  }
  // All of it or nothing: a policy without its cooldown would be another one.
  constexpr const char* scaling = "scale_to_zero";
  if (below.contains(scaling) && !own.contains(scaling)) own[scaling] = below[scaling];
  json roms = below.value("roms", json::array());
  for (const auto& rom : own.value("roms", json::array()))
    roms.push_back(rom);
  if (!roms.empty()) own["roms"] = std::move(roms);
  return own;
}

std::string name_of(const json& block) {
  if (block.contains("name") && block["name"].is_string())
    return "template '" + block["name"].get<std::string>() + "'";
  return block.contains("uuid") ? "template by uuid" : "anonymous template";
}

// The effective form of what `level` describes; what is below it is added to `into` first.
result<json> render_level(const json& level, std::vector<rendered_level>& into) {
  if (!level.is_object()) return fail(exit_code::usage, "a level is no JSON object");
  auto own = level;
  own.erase("template");
  const auto block = level.find("template");
  if (block == level.end()) {
    add_defaults(own);
    return own;
  }
  if (!block->is_object()) return fail(exit_code::usage, "'template' must be an object");
  if (!block->contains("create_args"))
    return fail(exit_code::usage,
                name_of(*block) +
                    " has no create_args in this file: what it is made of is known "
                    "to the daemon, see `platen template get`");
  auto below = render_level((*block)["create_args"], into);
  if (!below) return below;
  into.push_back({name_of(*block), *below});
  return on_top_of(*below, std::move(own));
}

}  // namespace

result<json> create_args_in(const json& file) {
  if (!file.is_object()) return fail(exit_code::usage, "the file holds no JSON object");
  if (file.contains("create_args")) return file["create_args"];
  const auto block = file.find("template");
  const bool is_body = file.contains("autostart") || file.contains("service_group") ||
                       file.contains("name") || file.contains("timeout_s");
  if (is_body && block != file.end() && block->is_object()) {
    if (block->contains("create_args")) return (*block)["create_args"];
    return fail(exit_code::usage, "the file's 'template' has no 'create_args'");
  }
  if (!file.contains("image") && block == file.end())
    return fail(exit_code::usage,
                "the file holds neither create_args ('image' or 'template'), nor a template block, "
                "nor an instance-create body");
  return file;
}

std::string hash_name(const json& create_args) {
  constexpr std::size_t digits = 16;
  // nlohmann::json keeps the members of an object ordered by name.
  return events::to_hex(events::sha256_of(create_args.dump())).substr(0, digits);
}

result<std::vector<rendered_level>> render(const json& body) {
  std::vector<rendered_level> levels;
  auto instance = render_level(body, levels);
  if (!instance) return tl::unexpected(instance.error());
  levels.push_back({"instance", *std::move(instance)});
  return levels;
}

}  // namespace platen::cli
