#include "hypervisor/qemu/vm_record.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

namespace {

using nlohmann::json;

constexpr auto record_name = "vm.json";
constexpr std::uint64_t record_limit = 1 << 20;
constexpr std::size_t id_limit = 128;

constexpr const char* origin_names[] = {"booted", "cloned", "resumed"};

vm_origin origin_named(const std::string& name) {
  if (name == "booted") return vm_origin::booted;
  return name == "cloned" ? vm_origin::cloned : vm_origin::resumed;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

bool is_plain_id(std::string_view id) {
  return !id.empty() && id.size() <= id_limit && std::all_of(id.begin(), id.end(), is_plain);
}

std::string directory_name(const vm_ref& vm) {
  return vm.id + "." + std::to_string(vm.attempt);
}

std::optional<vm_ref> parse_directory_name(std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || !is_plain_id(name.substr(0, dot))) return std::nullopt;
  vm_ref vm{std::string(name.substr(0, dot)), 0};
  const auto number = name.substr(dot + 1);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), vm.attempt);
  if (error != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  return vm;
}

std::string process_name(const vm_ref& vm) {
  return "platen-" + directory_name(vm);
}

tl::expected<void, std::string> write_record(const std::filesystem::path& directory,
                                             const vm_record& record) {
  const json value = {
      {"id", record.vm.id},
      {"attempt", record.vm.attempt},
      {"purpose", record.why == purpose::instance ? "instance" : "template_preparation"},
      {"origin", origin_names[static_cast<std::size_t>(record.origin)]},
      {"snapshot_id", record.snapshot_id},
      {"generation_id", record.generation_id},
      {"facts", to_json(record.facts)},
      {"pool_name", record.pool_name},
      {"pid", record.pid},
      {"start_ticks", record.start_ticks}};
  return replace_file(directory / record_name, value.dump(2), false);
}

tl::expected<vm_record, std::string> read_record(const std::filesystem::path& directory) {
  const auto text = read_file(directory / record_name, record_limit);
  if (!text) return tl::unexpected(text.error());
  const auto value = json::parse(*text, nullptr, false);
  try {
    vm_record record;
    record.vm = {value.at("id"), value.at("attempt")};
    record.why =
        value.at("purpose") == "instance" ? purpose::instance : purpose::template_preparation;
    record.origin = origin_named(value.at("origin"));
    record.snapshot_id = value.at("snapshot_id");
    record.generation_id = value.at("generation_id");
    const auto facts = parse_manifest(value.at("facts").get_ref<const std::string&>());
    if (!facts) return tl::unexpected(facts.error());
    record.facts = facts->content;
    // Absent in records of earlier versions, which had no pool.
    record.pool_name = value.value("pool_name", std::string{});
    record.pid = value.at("pid");
    record.start_ticks = value.at("start_ticks");
    return record;
  } catch (const json::exception& error) {
    return tl::unexpected(std::string("vm.json is incomplete: ") + error.what());
  }
}

std::optional<process> find_process(const std::filesystem::path& directory,
                                    const vm_record& record) {
  const auto name = record.pool_name.empty() ? process_name(record.vm) : record.pool_name;
  const auto attach = [&](pid_t pid) -> std::optional<process> {
    const auto ticks = process_start_ticks(pid);
    if (!ticks) return std::nullopt;
    auto found = process::attach(pid, *ticks);
    if (!found || !process_matches(pid, directory, name)) return std::nullopt;
    return found;
  };
  if (record.pid > 0) {
    const auto pid = static_cast<pid_t>(record.pid);
    if (process_start_ticks(pid) != record.start_ticks) return std::nullopt;
    return attach(pid);
  }
  for (const auto pid : find_processes(directory, name))
    if (auto found = attach(pid)) return found;
  return std::nullopt;
}

}  // namespace platen::hypervisor::qemu
