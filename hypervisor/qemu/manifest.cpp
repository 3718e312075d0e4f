#include "hypervisor/qemu/manifest.hpp"

#include <nlohmann/json.hpp>

#include "hypervisor/images/sha256.hpp"

namespace platen::hypervisor::qemu {

namespace {

using nlohmann::json;

json to_value(const file_facts& file) {
  return {{"bytes", file.bytes}, {"sha256", file.sha256}};
}

file_facts file_from(const json& value) {
  return {value.at("bytes").get<std::uint64_t>(), value.at("sha256").get<std::string>()};
}

json to_value(const std::vector<file_facts>& files) {
  auto list = json::array();
  for (const auto& file : files)
    list.push_back(to_value(file));
  return list;
}

std::vector<file_facts> files_from(const json& list) {
  std::vector<file_facts> files;
  for (const auto& value : list)
    files.push_back(file_from(value));
  return files;
}

json to_value(const std::vector<placed_rom>& roms) {
  auto list = json::array();
  for (const auto& rom : roms)
    list.push_back({{"name", rom.what.name},
                    {"at", rom.what.at},
                    {"digest", rom.what.digest},
                    {"filesystem", rom.filesystem},
                    {"offset", rom.offset},
                    {"length", rom.length},
                    {"sha256", rom.sha256}});
  return list;
}

std::vector<placed_rom> roms_from(const json& list) {
  std::vector<placed_rom> roms;
  for (const auto& value : list)
    roms.push_back({{value.at("name"), value.at("at"), value.at("digest")},
                    value.at("filesystem"),
                    value.at("offset"),
                    value.at("length"),
                    value.at("sha256")});
  return roms;
}

json to_value(const manifest& content) {
  return {{"snapshot_id", content.snapshot_id},
          {"created_at", content.created_at},
          {"made_by", {{"id", content.made_by.id}, {"attempt", content.made_by.attempt}}},
          {"qemu", {{"version", content.qemu_version}, {"sha256", content.qemu_sha256}}},
          {"machine",
           {{"type", machine_type},
            {"accelerator", content.machine.accelerator},
            {"memory_mb", content.machine.memory_mb},
            {"vcpus", content.machine.vcpus},
            {"cpu", content.cpu_model},
            {"devices_sha256", content.devices_sha256},
            {"devices", content.devices}}},
          {"host",
           {{"cpu", content.host_cpu.model},
            {"cpu_flags", content.host_cpu.flags},
            {"kernel", content.host_kernel}}},
          {"replaceable", content.replaceable},
          {"agent_protocol", content.agent_protocol},
          {"image", {{"name", content.image}, {"digest", content.image_digest}}},
          {"kernel",
           {{"sha256", content.kernel_sha256},
            {"initramfs_sha256", content.initramfs_sha256},
            {"append", content.append}}},
          {"memory", to_value(content.memory)},
          {"state", to_value(content.state)},
          {"disk", to_value(content.disk)},
          {"disk_virtual_bytes", content.disk_virtual_bytes},
          {"layers", to_value(content.layers)},
          {"base", to_value(content.base)},
          {"roms", to_value(content.roms)}};
}

manifest manifest_from(const json& value) {
  manifest content;
  content.snapshot_id = value.at("snapshot_id");
  content.created_at = value.at("created_at");
  content.made_by = {value.at("made_by").at("id"), value.at("made_by").at("attempt")};
  content.qemu_version = value.at("qemu").at("version");
  content.qemu_sha256 = value.at("qemu").at("sha256");
  const auto& machine = value.at("machine");
  content.machine.accelerator = machine.at("accelerator");
  content.machine.memory_mb = machine.at("memory_mb");
  content.machine.vcpus = machine.at("vcpus");
  content.cpu_model = machine.at("cpu");
  content.devices_sha256 = machine.at("devices_sha256");
  content.devices = machine.value("devices", "");
  if (const auto host = value.find("host"); host != value.end()) {
    content.host_cpu = {host->at("cpu"), host->at("cpu_flags")};
    content.host_kernel = host->at("kernel");
  }
  content.replaceable = value.value("replaceable", false);
  content.agent_protocol = value.at("agent_protocol");
  content.image = value.at("image").at("name");
  content.image_digest = value.at("image").at("digest");
  content.kernel_sha256 = value.at("kernel").at("sha256");
  content.initramfs_sha256 = value.at("kernel").at("initramfs_sha256");
  content.append = value.at("kernel").at("append");
  content.memory = file_from(value.at("memory"));
  content.state = file_from(value.at("state"));
  content.disk = file_from(value.at("disk"));
  content.disk_virtual_bytes = value.at("disk_virtual_bytes");
  content.layers = files_from(value.at("layers"));
  content.base = file_from(value.at("base"));
  content.roms = roms_from(value.at("roms"));
  return content;
}

}  // namespace

std::string manifest_sha256(const manifest& content) {
  return images::sha256_hex(to_value(content).dump());
}

std::string to_json(const manifest& content) {
  const json sealed = {{"schema", manifest_schema},
                       {"content", to_value(content)},
                       {"content_sha256", manifest_sha256(content)}};
  return sealed.dump(2) + "\n";
}

tl::expected<sealed_manifest, std::string> parse_manifest(std::string_view text) {
  const auto value = json::parse(text, nullptr, false);
  if (!value.is_object()) return tl::unexpected(std::string("manifest.json is not a JSON object"));
  try {
    if (value.at("schema") != manifest_schema)
      return tl::unexpected("manifest.json has schema " + value.at("schema").dump() +
                            ", this daemon reads schema " + std::to_string(manifest_schema));
    const std::string claimed = value.at("content_sha256");
    if (images::sha256_hex(value.at("content").dump()) != claimed)
      return tl::unexpected(std::string("manifest.json does not match the digest it carries"));
    return sealed_manifest{manifest_from(value.at("content")), claimed};
  } catch (const json::exception& error) {
    return tl::unexpected(std::string("manifest.json is incomplete: ") + error.what());
  }
}

}  // namespace platen::hypervisor::qemu
