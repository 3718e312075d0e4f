// Snapshots as files, without a VM: what is damaged or stale is never opened.
#include "hypervisor/qemu/snapshot_store.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "hypervisor/guest/frame.hpp"

using namespace platen::hypervisor;
using namespace platen::hypervisor::qemu;
namespace fs = std::filesystem;

namespace {

constexpr auto snapshot_id = "snap-1";
const std::vector<std::string> file_names{"memory",    "state",         "disk.qcow2",
                                          "base.ext4", "layer-0.qcow2", "rom-0.img"};

host_facts this_host() {
  host_facts host;
  host.qemu_version = "QEMU emulator version 7.2.22";
  host.qemu_sha256 = "aa";
  host.accelerator = "tcg";
  return host;
}

std::string bytes_of(const std::string& name) {
  std::string bytes;
  while (bytes.size() < 40'000)
    bytes += name + std::to_string(bytes.size());
  return bytes;
}

// A store with one snapshot in it, made of small files.
class stored_snapshot {
 public:
  stored_snapshot() {
    std::string pattern = (fs::temp_directory_path() / "platen-store-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    fs::create_directories(root_ / "templates");
    const auto vm = root_ / "vm";
    fs::create_directories(vm);
    for (const auto& name : file_names)
      write(vm / name, bytes_of(name));
    manifest draft;
    draft.snapshot_id = snapshot_id;
    draft.made_by = {"prep", 1};
    draft.qemu_version = this_host().qemu_version;
    draft.qemu_sha256 = this_host().qemu_sha256;
    draft.machine = {"tcg", 128, 1};
    draft.cpu_model = cpu_model(draft.machine);
    draft.devices = guest_visible_arguments(draft.machine);
    draft.devices_sha256 = sha256_hex(draft.devices);
    draft.agent_protocol = platen::guest::protocol_version;
    draft.layers.resize(1);
    draft.roms = {{{"config", "/etc/config", "dd"}, "ext4", 0, bytes_of("rom-0.img").size(), ""}};
    snapshot_store store(root_ / "templates");
    const auto info = store.store(vm, draft);
    INFO((info ? std::string() : info.error()));
    REQUIRE(info);
  }
  ~stored_snapshot() { fs::remove_all(root_); }

  static void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  fs::path file(const std::string& name) const { return root_ / "templates" / snapshot_id / name; }

  // As a daemon that has just been started sees it.
  tl::expected<verified_snapshot, snapshot_refusal> open(const host_facts& host = this_host()) {
    snapshot_store store(root_ / "templates");
    REQUIRE(store.recover() == std::vector<std::string>{snapshot_id});
    return store.open(snapshot_id, host);
  }
  std::vector<unusable_snapshot> unusable(const host_facts& host = this_host()) {
    return snapshot_store(root_ / "templates").find_unusable({snapshot_id}, host);
  }

 private:
  fs::path root_;
};

struct fault {
  const char* name;
  bool seen_at_start;  // without reading the files
  std::string (*of)(std::string bytes);
};

const fault faults[] = {
    {"cut to the half", true, [](std::string bytes) { return bytes.substr(0, bytes.size() / 2); }},
    {"cut by 2 %", true,
     [](std::string bytes) { return bytes.substr(0, bytes.size() * 98 / 100); }},
    {"empty", true, [](std::string) { return std::string(); }},
    {"longer", true, [](std::string bytes) { return bytes + '\0'; }},
    {"one byte turned over", false,
     [](std::string bytes) {
       bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
       return bytes;
     }},
    {"the last byte turned over", false,
     [](std::string bytes) {
       bytes.back() = static_cast<char>(~bytes.back());
       return bytes;
     }},
    {"zeros", false, [](std::string bytes) { return std::string(bytes.size(), '\0'); }}};

}  // namespace

TEST_CASE("a snapshot is opened with all its files, and by whoever comes later") {
  stored_snapshot world;
  const auto opened = world.open();
  REQUIRE(opened);
  CHECK(opened->layers.size() == 2);
  CHECK(opened->roms.size() == 1);
  CHECK(world.unusable().empty());
}

TEST_CASE(
    "whatever happens to whichever file of a snapshot, it is not opened, and the file named") {
  stored_snapshot world;
  for (const auto& name : file_names) {
    for (const auto& fault : faults) {
      INFO(name << ": " << fault.name);
      stored_snapshot::write(world.file(name), fault.of(bytes_of(name)));
      const auto opened = world.open();
      REQUIRE_FALSE(opened);
      CHECK(opened.error().damaged);
      CHECK_FALSE(opened.error().stale);
      CHECK(opened.error().reason.find(name) != std::string::npos);
      CHECK(world.unusable().size() == (fault.seen_at_start ? 1 : 0));
    }
    fs::remove(world.file(name));
    const auto opened = world.open();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().damaged);
    CHECK(world.unusable().at(0).reason.find(name) != std::string::npos);
    CHECK_FALSE(fs::exists(world.file(name)));
    stored_snapshot::write(world.file(name), bytes_of(name));
    CHECK(world.open());
  }
}

TEST_CASE("damage that comes while a daemon runs is found by the next clone") {
  stored_snapshot world;
  snapshot_store store(world.file("").parent_path().parent_path());
  REQUIRE(store.open(snapshot_id, this_host()));
  for (const auto& name : file_names) {
    INFO(name);
    stored_snapshot::write(world.file(name), std::string(bytes_of(name).size(), '\0'));
    CHECK_FALSE(store.open(snapshot_id, this_host()));
    stored_snapshot::write(world.file(name), bytes_of(name));
    CHECK(store.open(snapshot_id, this_host()));
  }
}

TEST_CASE("a manifest that is cut, emptied or changed rules its snapshot out") {
  stored_snapshot world;
  const auto path = world.file("manifest.json");
  const auto whole = read_file(path, 1 << 20).value();
  for (const auto& fault : faults) {
    INFO(fault.name);
    // What follows the last brace is no part of it.
    if (fault.of(whole).starts_with(whole.substr(0, whole.rfind('}') + 1))) continue;
    stored_snapshot::write(path, fault.of(whole));
    const auto opened = world.open();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().damaged);
    CHECK(world.unusable().size() == 1);
  }
}

TEST_CASE("a snapshot made with what the host no longer has is stale, whole, and says why") {
  stored_snapshot world;
  auto host = this_host();
  host.qemu_version = "QEMU emulator version 8.0.0";
  const auto opened = world.open(host);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().stale);
  CHECK_FALSE(opened.error().damaged);
  CHECK(opened.error().reason ==
        "stale: made with QEMU QEMU emulator version 7.2.22, this host has QEMU emulator version "
        "8.0.0");
  CHECK(world.unusable(host) ==
        std::vector<unusable_snapshot>{{snapshot_id, opened.error().reason}});
  CHECK(world.open());
}
