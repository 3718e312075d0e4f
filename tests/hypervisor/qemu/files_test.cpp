// What the driver keeps on disk: overlays, records, digests, logs.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "hypervisor/qemu/digest.hpp"
#include "hypervisor/qemu/log_bounds.hpp"
#include "hypervisor/qemu/log_reading.hpp"
#include "hypervisor/qemu/qcow2.hpp"
#include "hypervisor/qemu/vm_record.hpp"

using namespace platen::hypervisor;
using namespace platen::hypervisor::qemu;
namespace fs = std::filesystem;

namespace {

class folder {
 public:
  folder() {
    std::string pattern = (fs::temp_directory_path() / "platen-files-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~folder() { fs::remove_all(path); }
  fs::path path;
};

}  // namespace

TEST_CASE("an overlay is what qemu-img takes for a sound, empty disk") {
  const folder here;
  const auto disk = here.path / "disk.qcow2";
  for (const std::uint64_t bytes : {512ull, 1ull << 20, 10ull << 30, 4ull << 40}) {
    REQUIRE(create_overlay(disk, bytes));
    const auto check = "qemu-img check -q " + disk.string();
    CHECK(std::system(check.c_str()) == 0);
    const auto size =
        "qemu-img info " + disk.string() + " | grep -q '(" + std::to_string(bytes) + " bytes)'";
    CHECK(std::system(size.c_str()) == 0);
  }
  CHECK_FALSE(create_overlay(disk, 0));
  CHECK_FALSE(create_overlay(disk, 1000));
  CHECK(create_overlay(here.path / "no/such/folder", 512).error().find("cannot open") == 0);
}

TEST_CASE("zeros that were written are given back, and read the same") {
  const folder here;
  const auto path = here.path / "memory";
  const std::string page(4096, '\0');
  std::string almost = page;
  almost.back() = 'x';
  std::string content = std::string(4096, 'a');
  for (int i = 0; i < 600; ++i)
    content += page;
  content += almost + page + std::string(4096, 'b') + page + page + "end";
  std::ofstream(path) << content;
  const auto allocated = [&] {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  };
  const auto before = allocated();
  REQUIRE(punch_zeros(path));
  CHECK(platen::hypervisor::images::read_file(path, content.size() + 1).value() == content);
  CHECK(before >= content.size());
  // The pages of "a", "x", "b" and "end".
  CHECK(allocated() < 16 * 4096);
  CHECK_FALSE(punch_zeros(here.path / "none"));
}

TEST_CASE("a VM's record is read as it was written, and not if it is not one") {
  const folder here;
  vm_record record;
  record.vm = {"0b5b2b3e-1111", 4};
  record.why = purpose::template_preparation;
  record.origin = vm_origin::resumed;
  record.snapshot_id = "s";
  record.generation_id = "g";
  record.pool_name = "platen-warm-1.1";
  record.facts.image = "platen/demo:v1";
  record.pid = 42;
  record.start_ticks = 4711;
  REQUIRE(write_record(here.path, record));
  const auto read = read_record(here.path).value();
  CHECK(read.vm == record.vm);
  CHECK(read.why == record.why);
  CHECK(read.origin == record.origin);
  CHECK(read.snapshot_id == record.snapshot_id);
  CHECK(read.generation_id == record.generation_id);
  CHECK(to_json(read.facts) == to_json(record.facts));
  CHECK(read.pool_name == record.pool_name);
  CHECK(read.pid == record.pid);
  CHECK(read.start_ticks == record.start_ticks);
  std::ofstream(here.path / "vm.json") << "{\"id\": \"x\"}";
  CHECK_FALSE(read_record(here.path));
  fs::remove(here.path / "vm.json");
  CHECK_FALSE(read_record(here.path));
}

TEST_CASE("names of directories are those of VMs, and nothing escapes through them") {
  CHECK(parse_directory_name("abc-1.12") == vm_ref{"abc-1", 12});
  for (const auto* name : {"abc", "abc.", ".1", "abc.1.2", "abc.x", "a/b.1", "..", "abc.-1"})
    CHECK_FALSE(parse_directory_name(name));
  CHECK(is_plain_id("0b5b2b3e-1111-4222-8333-444444444444"));
  for (const auto* id : {"", "..", "a/b", "a.tmp", "a b"})
    CHECK_FALSE(is_plain_id(id));
}

TEST_CASE("a file is hashed again when it has changed, and only then") {
  const folder here;
  const auto path = here.path / "file";
  std::ofstream(path) << "one";
  digest_cache cache;
  const auto digest = [&](identity_by how) {
    const auto fd = open_file(path, O_RDONLY);
    return cache.digest_of(fd->get(), how).value();
  };
  const auto whole = identity_by::content_and_inode_change;
  CHECK(digest(whole) == sha256_hex("one"));
  CHECK(digest(whole) == sha256_hex("one"));
  std::ofstream(path) << "two";
  CHECK(digest(whole) == sha256_hex("two"));

  // A second name changes the inode's times, but not what content_change looks at.
  const auto before = identify(open_file(path, O_RDONLY)->get(), identity_by::content_change);
  fs::create_hard_link(path, here.path / "second name");
  CHECK(identify(open_file(path, O_RDONLY)->get(), identity_by::content_change) == before);
}

TEST_CASE("a log's old bytes are given back without moving the others") {
  const folder here;
  const auto log = here.path / "log";
  constexpr std::uint64_t limit = 64 << 10;
  const auto appending = open_file(log, O_WRONLY | O_CREAT | O_APPEND).value();
  std::string lines;
  while (lines.size() < 3 * limit)
    lines += "line " + std::to_string(lines.size()) + "\n";
  REQUIRE(write_at(appending.get(), lines, 0, log));
  CHECK(forget_old_log_bytes(log, limit));
  CHECK_FALSE(forget_old_log_bytes(log, limit));

  const auto oldest = read_log_file(log, 0, 1 << 20);
  CHECK(oldest.available == lines.size());
  CHECK(oldest.begin > 0);
  CHECK(oldest.bytes == lines.substr(oldest.begin));
  CHECK(oldest.bytes.size() >= limit / 2);
  CHECK(oldest.bytes.size() < limit / 2 + 8192);
  const auto tail = read_log_file(log, -10, 4);
  CHECK(tail.begin == lines.size() - 10);
  CHECK(tail.bytes == lines.substr(lines.size() - 10, 4));
  CHECK(read_log_file(log, 1 << 30, 10).bytes.empty());
  CHECK(read_log_file(here.path / "none", 0, 10).bytes.empty());
}
