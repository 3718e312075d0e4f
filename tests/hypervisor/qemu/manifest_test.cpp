#include "hypervisor/qemu/manifest.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "hypervisor/guest/frame.hpp"
#include "hypervisor/images/sha256.hpp"

using namespace platen::hypervisor;
using namespace platen::hypervisor::qemu;

namespace {

manifest example() {
  manifest content;
  content.snapshot_id = "0b5b2b3e";
  content.created_at = "2026-11-22T06:00:00Z";
  content.qemu_version = "QEMU emulator version 7.2.22";
  content.qemu_sha256 = "aa";
  content.machine = {"tcg", 128, 1};
  content.cpu_model = cpu_model(content.machine);
  content.devices_sha256 = images::sha256_hex(guest_visible_arguments(content.machine));
  content.agent_protocol = platen::guest::protocol_version;
  content.devices = guest_visible_arguments(content.machine);
  content.host_cpu = {"a CPU", {"avx", "sse2"}};
  content.host_kernel = "6.1.0";
  content.replaceable = true;
  content.image = "platen/demo:v1";
  content.memory = {128 << 20, "bb"};
  content.state = {50'000, "cc"};
  content.made_by = {"0b5b2b3e", 3};
  content.layers = {{70'000, "ee"}, {80'000, "ff"}};
  content.roms = {{{"config", "/etc/config", "dd"}, "ext4", 4096, 8192, "99"}};
  content.disk_virtual_bytes = 1 << 30;
  return content;
}

}  // namespace

TEST_CASE("a manifest is read as it was written") {
  const auto sealed = parse_manifest(to_json(example()));
  REQUIRE(sealed);
  CHECK(to_json(sealed->content) == to_json(example()));
  CHECK(sealed->content.roms.at(0).what.at == "/etc/config");
  CHECK(sealed->content.roms.at(0).filesystem == "ext4");
  CHECK(sealed->content.layers == example().layers);
  CHECK(sealed->content.made_by == example().made_by);
  CHECK(sealed->content.memory == example().memory);
  CHECK(sealed->content.devices == example().devices);
  CHECK(sealed->content.host_cpu == example().host_cpu);
  CHECK(sealed->content.host_kernel == "6.1.0");
  CHECK(sealed->content.replaceable);
  CHECK(sealed->sha256 == manifest_sha256(example()));
}

TEST_CASE("the manifest of an earlier daemon, which noted less, is read") {
  auto value = nlohmann::json::parse(to_json(example()));
  auto& content = value["content"];
  content.erase("host");
  content.erase("replaceable");
  content["machine"].erase("devices");
  value["content_sha256"] = images::sha256_hex(content.dump());
  const auto sealed = parse_manifest(value.dump());
  REQUIRE(sealed);
  CHECK(sealed->content.devices.empty());
  CHECK(sealed->content.host_cpu == cpu_facts{});
  CHECK_FALSE(sealed->content.replaceable);
  CHECK(sealed->content.memory == example().memory);
}

TEST_CASE("no digit of a manifest can be changed unnoticed") {
  const auto text = to_json(example());
  std::size_t tried = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] < '0' || text[i] > '9') continue;
    auto changed = text;
    changed[i] = changed[i] == '9' ? '8' : static_cast<char>(changed[i] + 1);
    INFO(i << ": " << changed.substr(i > 20 ? i - 20 : 0, 40));
    CHECK_FALSE(parse_manifest(changed));
    ++tried;
  }
  CHECK(tried > 50);
}

TEST_CASE("what is not a manifest is refused with a reason") {
  CHECK(parse_manifest("").error() == "manifest.json is not a JSON object");
  CHECK(parse_manifest("[]").error() == "manifest.json is not a JSON object");
  CHECK(parse_manifest("{}").error().find("incomplete") != std::string::npos);
  const auto text = to_json(example());
  CHECK_FALSE(parse_manifest(text.substr(0, text.size() / 2)));
}
