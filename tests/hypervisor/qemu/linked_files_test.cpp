// Memory of snapshots that lies elsewhere, and what folders take on disk.
#include "hypervisor/qemu/linked_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "hypervisor/qemu/folder_disk_use.hpp"
#include "hypervisor/qemu/snapshot_store.hpp"
#include "tests/tools/temporary_directory.hpp"

namespace {

using namespace platen::hypervisor;
using namespace platen::hypervisor::qemu;
using platen::tests::content_of;
using platen::tests::temporary_directory;
namespace fs = std::filesystem;

constexpr auto id = "0d7c-1";

// What an ended preparation leaves for its snapshot.
fs::path vm_directory(const temporary_directory& within) {
  for (const auto* name : {"memory", "state", "disk.qcow2", "base.ext4"})
    within.write(std::string("vm/") + name, std::string("the ") + name);
  fs::create_directories(within.path() / "templates");
  fs::create_directories(within.path() / "apart");
  return within.path() / "vm";
}

manifest draft() {
  manifest made;
  made.snapshot_id = id;
  made.made_by = {"0d7c", 1};
  return made;
}

snapshot_store store_in(const temporary_directory& within) {
  return snapshot_store(within.path() / "templates", within.path() / "apart");
}

const disk_use& part(const std::vector<disk_part>& parts, std::string_view what) {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [&](const disk_part& one) { return one.what == what; });
  REQUIRE(found != parts.end());
  return found->use;
}

}  // namespace

TEST_CASE("memory and state of what can be made again lie apart, and go with the snapshot") {
  const temporary_directory here;
  auto store = store_in(here);
  const auto stored = store.store(vm_directory(here), draft(), true);
  if (!stored) FAIL(stored.error());
  CHECK(content_of(here.path() / "apart" / id / "memory") == "the memory");
  CHECK(content_of(here.path() / "apart" / id / "state") == "the state");
  CHECK(fs::is_symlink(here.path() / "templates" / id / "memory"));
  CHECK(content_of(here.path() / "templates" / id / "memory") == "the memory");
  CHECK_FALSE(fs::is_symlink(here.path() / "templates" / id / "disk.qcow2"));
  CHECK(store.recover().value() == std::vector<std::string>{id});

  store.forget(id);
  store.delete_forgotten(id);
  CHECK(fs::is_empty(here.path() / "apart"));
  CHECK(fs::is_empty(here.path() / "templates"));
}

TEST_CASE("what cannot be made again stays with the rest of its snapshot") {
  const temporary_directory here;
  auto store = store_in(here);
  REQUIRE(store.store(vm_directory(here), draft(), false));
  CHECK(fs::is_empty(here.path() / "apart"));
  CHECK_FALSE(fs::is_symlink(here.path() / "templates" / id / "memory"));
}

TEST_CASE("a snapshot whose memory went with its tmpfs is none any more") {
  const temporary_directory here;
  auto store = store_in(here);
  REQUIRE(store.store(vm_directory(here), draft(), true));
  fs::remove_all(here.path() / "apart" / id);
  CHECK(store.recover().value().empty());
  CHECK(fs::is_empty(here.path() / "templates"));
}

TEST_CASE(
    "a snapshot that could not be made leaves nothing apart, nor does one that was cut short") {
  const temporary_directory here;
  auto store = store_in(here);
  const auto directory = vm_directory(here);
  fs::remove(directory / "state");
  CHECK_FALSE(store.store(directory, draft(), true));
  CHECK(fs::is_empty(here.path() / "apart"));

  // As after a crash: the folder has not got its name yet.
  REQUIRE(store.store(vm_directory(here), draft(), true));
  fs::rename(here.path() / "templates" / id,
             here.path() / "templates" / (std::string(id) + ".tmp"));
  CHECK(store.recover().value().empty());
  CHECK(fs::is_empty(here.path() / "apart"));
}

TEST_CASE("what a folder takes on disk: length, blocks, and what has further names") {
  const temporary_directory here;
  constexpr std::uint64_t megabyte = 1 << 20;
  const auto memory = here.write("folder/memory", "a page");
  fs::resize_file(memory, 64 * megabyte);
  here.write("image", std::string(megabyte, 'x'));
  fs::create_hard_link(here.path() / "image", here.path() / "folder/base.ext4");
  here.write("folder/output.log", "hello");
  const auto parts = disk_use_of(here.path() / "folder");
  CHECK(part(parts, "memory").logical_bytes == 64 * megabyte);
  CHECK(part(parts, "memory").allocated_bytes < megabyte);
  CHECK(part(parts, "memory").shared_bytes == 0);
  CHECK(part(parts, "base").allocated_bytes >= megabyte);
  CHECK(part(parts, "base").shared_bytes == part(parts, "base").allocated_bytes);
  CHECK(part(parts, "other").logical_bytes == 5);
  CHECK(disk_use_of(here.path() / "nothing").empty());
}
