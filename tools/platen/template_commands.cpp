// platen template ls|get
#include <memory>

#include "tools/platen/commands.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

std::string snapshot_size(const json& item) {
  const auto snapshot = item.find("snapshot");
  if (snapshot == item.end() || !snapshot->is_object()) return "-";
  std::uint64_t total = 0;
  for (const char* part : {"memory_bytes", "state_bytes", "disk_bytes"})
    total += snapshot->value(part, std::uint64_t{0});
  return total == 0 ? "-" : human_bytes(total);
}

// "41.0 MiB (1.2 GiB long, 38.1 MiB of it shared)" for all of it, and for each part.
std::string disk_text(const json& use) {
  const auto bytes = [&](const char* member) { return use.value(member, std::uint64_t{0}); };
  auto text =
      human_bytes(bytes("allocated_bytes")) + " (" + human_bytes(bytes("logical_bytes")) + " long";
  if (bytes("shared_bytes") > 0) text += ", " + human_bytes(bytes("shared_bytes")) + " shared";
  return text + ")";
}

std::string disk_use_of(const json& item) {
  const auto use = item.find("disk_use");
  if (use == item.end() || !use->is_object()) return "";
  auto text = disk_text(*use);
  const auto parts = use->value("parts", json::object());
  for (const auto& [part, of_part] : parts.items())
    text += "\n  " + part + ": " + disk_text(of_part);
  return text;
}

result<void> list(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto all = fetch_all(*api, templates());
  if (!all) return tl::unexpected(all.error());
  if (ctx.json) {
    print_json(*all);
    return {};
  }
  table rows({"NAME", "LIFECYCLE", "SINCE", "IMAGE", "CLONES", "SNAPSHOT", "UUID"});
  for (const auto& item : *all)
    rows.add({text_of(item, "name"), text_of(item, "lifecycle"),
              age_of(text_of(item, "lifecycle_since")), text_of(item, "image"),
              text_of(item, "clone_count"), snapshot_size(item), text_of(item, "uuid")});
  rows.print();
  return {};
}

void print_details(const json& item) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const char* member :
       {"name", "uuid", "state", "lifecycle", "lifecycle_since", "attempt", "image", "memory_mb",
        "vcpus", "accelerator", "fingerprint", "clone_count", "clones_in_flight", "last_clone_at",
        "prepare_timeout_s", "delete_lock", "tags", "created_at"})
    if (const auto text = text_of(item, member); text != "-") fields.emplace_back(member, text);
  fields.emplace_back("snapshot", snapshot_size(item));
  if (const auto warm = item.find("warm"); warm != item.end() && warm->is_object())
    fields.emplace_back("warm", text_of(*warm, "ready") + " ready of " + text_of(*warm, "wanted") +
                                    " wanted, " + text_of(*warm, "taken") + " taken, " +
                                    text_of(*warm, "missed") + " missed");
  if (const auto on_disk = disk_use_of(item); !on_disk.empty())
    fields.emplace_back("disk", on_disk);
  const auto failed = item.find("failure");
  if (failed != item.end() && failed->is_object()) {
    fields.emplace_back("failure", text_of(*failed, "stage") + ": " + text_of(*failed, "reason"));
    fields.emplace_back("console", "\n" + text_of(*failed, "console_tail"));
  }
  print_fields(fields);
}

result<void> get(const context& ctx, const std::string& which) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto item = fetch_one(*api, templates(), which);
  if (!item) return tl::unexpected(item.error());
  if (ctx.json)
    print_json(*item);
  else
    print_details(*item);
  return {};
}

}  // namespace

void add_template_commands(CLI::App& app, context& ctx) {
  auto* group = app.add_subcommand("template", "Frozen VMs that instances are cloned from");
  group->require_subcommand(1);
  on_chosen(group->add_subcommand("ls", "List templates"), ctx, [&ctx] { return list(ctx); });
  auto* show = group->add_subcommand("get", "Show one template");
  const auto which = std::make_shared<std::string>();
  show->add_option("name", *which, "Name or UUID")->required();
  on_chosen(show, ctx, [&ctx, which] { return get(ctx, *which); });
  add_template_file_commands(*group, ctx);
  add_entity_commands(*group, ctx, templates());
}

}  // namespace platen::cli
