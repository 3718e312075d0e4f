#include "hypervisor/images/image_store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "tests/hypervisor/images/test_archive.hpp"
#include "tests/hypervisor/images/test_folder.hpp"

using platen::hypervisor::image;
using platen::hypervisor::image_config;
using platen::hypervisor::image_store;
using platen::hypervisor::import_limits;
namespace test = platen::hypervisor::images::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

struct image_fixture {
  test::test_folder folder;
  import_limits limits{.content_bytes = 16 * mebibyte, .entries = 100, .free_bytes = 8 * mebibyte};
  std::unique_ptr<image_store> store = open();
  image_config start{.entrypoint = {"/init"}, .cmd = {}, .env = {}, .workdir = "", .user = ""};

  std::unique_ptr<image_store> open() const {
    return image_store::open(folder / "images", limits).value();
  }

  fs::path archive(const std::vector<test::entry>& entries,
                   test::compression how = test::compression::none) const {
    test::write_file(folder / "archive", test::tar(entries, how));
    return folder / "archive";
  }

  image imported(const std::vector<test::entry>& entries, const std::string& name = "app") const {
    const auto result = store->import(name, archive(entries), start);
    INFO((result ? "" : result.error()));
    REQUIRE(result);
    return *result;
  }

  std::string refusal(const std::vector<test::entry>& entries) const {
    const auto result = store->import("app", archive(entries), start);
    REQUIRE_FALSE(result);
    CHECK(store->list().empty());
    return result.error();
  }
};

bool is_clean(const fs::path& disk) {
  test::output_of("PATH=$PATH:/usr/sbin:/sbin e2fsck -fn '" + disk.string() + "'");
  return true;
}

std::size_t entries_of(const fs::path& path) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

}  // namespace

TEST_CASE_METHOD(image_fixture, "an archive becomes an ext4 disk with its files") {
  const auto made = imported(
      {test::folder("./"), test::folder("./etc"), test::file("./etc/hosts", "127.0.0.1\n"),
       test::file("deep/in/folders", "made on the way"),
       test::symbolic_link("sbin/init", "/bin/true"), test::hard_link("etc/hosts2", "etc/hosts")});
  CHECK(is_clean(made.disk));
  CHECK(test::disk_content(made.disk, "/etc/hosts") == "127.0.0.1\n");
  CHECK(test::disk_content(made.disk, "/etc/hosts2") == "127.0.0.1\n");
  CHECK(test::disk_content(made.disk, "/deep/in/folders") == "made on the way");
  CHECK(test::ask_disk(made.disk, "stat /sbin/init").find("Fast link dest: \"/bin/true\"") !=
        std::string::npos);
  CHECK(test::ask_disk(made.disk, "stat /etc/hosts").find("Links: 2") != std::string::npos);
}

TEST_CASE_METHOD(image_fixture, "an archive may be compressed") {
  const auto how =
      GENERATE(test::compression::gzip, test::compression::zstd, test::compression::xz);
  const auto made = store->import("app", archive({test::file("a", "b")}, how), start);
  REQUIRE(made);
  CHECK(test::disk_content(made->disk, "/a") == "b");
}

TEST_CASE_METHOD(image_fixture, "modes, owners and times are kept") {
  if (!test::is_root()) return;
  const auto made = imported({{test::kind::file, "tool", "x", 04755, 33, 44},
                              {test::kind::folder, "tmp", "", 01777, 0, 0}});
  const auto tool = test::ask_disk(made.disk, "stat /tool");
  CHECK(tool.find("Mode:  04755") != tool.npos);
  CHECK(tool.find("User:    33   Group:    44") != tool.npos);
  CHECK(tool.find("mtime: 0x3b9aca00") != tool.npos);
  CHECK(test::ask_disk(made.disk, "stat /tmp").find("Mode:  01777") != std::string::npos);
}

TEST_CASE_METHOD(image_fixture, "extended attributes are kept if they are the user's") {
  const auto made = imported({{.type = test::kind::file,
                               .name = "a",
                               .content = "",
                               .attributes = {{"user.note", "kept"}, {"trusted.x", "dropped"}}}});
  const auto list = test::ask_disk(made.disk, "ea_list /a");
  CHECK(list.find("user.note (4) = \"kept\"") != list.npos);
  CHECK(list.find("trusted.x") == list.npos);
}

TEST_CASE_METHOD(image_fixture, "names that are not ASCII are kept byte by byte") {
  const auto made = imported({test::file("grüße/日本", "1"), test::file("latin-\xe9", "2")});
  CHECK(test::disk_content(made.disk, "/grüße/日本") == "1");
  CHECK(test::disk_content(made.disk, "/latin-\xe9") == "2");
}

TEST_CASE_METHOD(image_fixture, "the disk has the room that was asked for and is sparse") {
  limits.free_bytes = 512 * mebibyte;
  store = open();
  const auto made = imported({test::file("a", std::string(3 * mebibyte, 'a'))});
  CHECK(made.size_bytes == fs::file_size(made.disk));
  const auto stats = test::ask_disk(made.disk, "stats -h");
  const auto at = stats.find("Free blocks:");
  REQUIRE(at != stats.npos);
  CHECK(std::stoull(stats.substr(at + 12)) * 4096 >= limits.free_bytes);
  struct stat status {};
  REQUIRE(::stat(made.disk.c_str(), &status) == 0);
  CHECK(static_cast<std::uint64_t>(status.st_blocks) * 512 < 24 * mebibyte);
}

TEST_CASE_METHOD(image_fixture, "a disk holds many small files and long links") {
  limits = {.content_bytes = 64 * mebibyte, .entries = 10'000, .free_bytes = 0};
  store = open();
  std::vector<test::entry> entries;
  for (int i = 0; i < 800; ++i) {
    const auto name = "d/" + std::string(100, 'n') + std::to_string(i);
    entries.push_back(test::file(name, "x"));
    entries.push_back(test::symbolic_link(name + ".link", std::string(200, 't')));
  }
  CHECK(is_clean(imported(entries).disk));
}

TEST_CASE_METHOD(image_fixture, "a folder is imported like an archive of it") {
  const auto source = folder / "rootfs";
  test::write_file(source / "etc/name", "value");
  fs::create_symlink("name", source / "etc/link");
  fs::create_hard_link(source / "etc/name", source / "etc/twin");
  fs::permissions(source / "etc/name", fs::perms(0640));
  const auto made = store->import("app", source, start);
  REQUIRE(made);
  CHECK(test::disk_content(made->disk, "/etc/twin") == "value");
  const auto status = test::ask_disk(made->disk, "stat /etc/name");
  CHECK(status.find("Mode:  0640") != status.npos);
  CHECK(status.find("Links: 2") != status.npos);
  CHECK(test::ask_disk(made->disk, "stat /etc/link").find("\"name\"") != std::string::npos);
  CHECK(store->import("again", source.string() + "/", start).value().digest == made->digest);
}

TEST_CASE_METHOD(image_fixture, "an image is found by name, with or without the tag latest") {
  const auto made = imported({test::file("a", "b")}, "team/app");
  CHECK(made.name == "team/app:latest");
  CHECK(store->find("team/app").value().digest == made.digest);
  CHECK(store->find("team/app:latest").value().disk == made.disk);
  const auto missing = store->find("team/app:v2");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().find("platen image import team/app:v2 FILE") != std::string::npos);
}

TEST_CASE_METHOD(image_fixture, "images are there after the store was opened again") {
  start.env = {{"A", "1"}};
  start.user = "www-data";
  start.workdir = "/srv";
  start.cmd = {"-x"};
  const auto made = imported({test::file("a", "b")});
  store.reset();
  const auto found = open()->find("app").value();
  CHECK(found.name == made.name);
  CHECK(found.digest == made.digest);
  CHECK(found.size_bytes == made.size_bytes);
  CHECK(found.created_us == made.created_us);
  CHECK(found.disk == made.disk);
  CHECK(found.config.entrypoint == start.entrypoint);
  CHECK(found.config.cmd == start.cmd);
  CHECK(found.config.env == start.env);
  CHECK(found.config.user == "www-data");
  CHECK(found.config.workdir == "/srv");
}

TEST_CASE_METHOD(image_fixture, "equal content and config make one image with two names") {
  const auto first = imported({test::file("a", "b")}, "one");
  const auto second = imported({test::file("a", "b")}, "two");
  CHECK(first.digest == second.digest);
  CHECK(first.disk == second.disk);
  CHECK(store->list().size() == 2);
  REQUIRE(store->remove("one"));
  CHECK(fs::exists(second.disk));
  REQUIRE(store->remove("two"));
  CHECK_FALSE(fs::exists(second.disk));
}

TEST_CASE_METHOD(image_fixture, "the digest speaks of content, kinds, modes and config") {
  const auto plain = imported({test::file("a", "b")}).digest;
  CHECK(imported({test::file("a", "c")}).digest != plain);
  CHECK(imported({test::file("b", "b")}).digest != plain);
  CHECK(imported({test::symbolic_link("a", "b")}).digest != plain);
  CHECK(imported({{test::kind::file, "a", "b", 0600}}).digest != plain);
  start.cmd = {"x"};
  CHECK(imported({test::file("a", "b")}).digest != plain);
}

TEST_CASE_METHOD(image_fixture,
                 "importing a name again replaces it; who has the old disk keeps it") {
  const auto old = imported({test::file("version", "1")});
  const auto held = folder / "held.ext4";
  fs::create_hard_link(old.disk, held);
  const auto fresh = imported({test::file("version", "2")});
  CHECK(store->list().size() == 1);
  CHECK(test::disk_content(store->find("app")->disk, "/version") == "2");
  CHECK_FALSE(fs::exists(old.disk));
  CHECK(test::disk_content(held, "/version") == "1");
}

TEST_CASE_METHOD(image_fixture, "an image without anything to start is of use as a ROM") {
  start.entrypoint.clear();
  CHECK(imported({test::file("a", "b")}).config.entrypoint.empty());
}

TEST_CASE_METHOD(image_fixture, "a source that is no archive is refused and leaves nothing") {
  const auto content =
      GENERATE(as<std::string>(), "", "hello, this is no archive", std::string(100'000, 'x'));
  test::write_file(folder / "archive", content);
  const auto result = store->import("app", folder / "archive", start);
  REQUIRE_FALSE(result);
  CHECK(result.error().find("is it a complete tar archive?") != std::string::npos);
  CHECK(entries_of(folder / "images") == 0);
  CHECK_FALSE(store->import("app", folder / "nothing here", start));
  CHECK_FALSE(store->import("app", "/dev/null", start));
}

TEST_CASE_METHOD(image_fixture, "an archive that was cut off is refused and leaves nothing") {
  auto bytes = test::tar({test::file("a", std::string(100'000, 'a'))}, test::compression::none);
  test::write_file(folder / "archive", bytes.substr(0, 50'000));
  CHECK_FALSE(store->import("app", folder / "archive", start));
  CHECK(entries_of(folder / "images") == 0);
}

TEST_CASE_METHOD(image_fixture, "a failed import leaves the image of that name as it was") {
  const auto made = imported({test::file("a", "b")});
  test::write_file(folder / "archive", "rubbish");
  REQUIRE_FALSE(store->import("app", folder / "archive", start));
  CHECK(store->find("app").value().digest == made.digest);
}

TEST_CASE_METHOD(image_fixture, "removing what is not there is an error") {
  CHECK_FALSE(store->remove("nothing"));
  CHECK_FALSE(store->remove("Not A Name"));
}

TEST_CASE_METHOD(image_fixture, "what a crash left behind is removed at the next start") {
  imported({test::file("a", "b")});
  store.reset();
  const auto unnamed = std::string(64, 'e');
  test::write_file(folder / "images/.import-abc/source/file", "half");
  test::write_file(folder / "images" / unnamed / "disk.ext4", "never named");
  test::write_file(folder / "images/.tmp-123456", "{");
  store = open();
  CHECK(entries_of(folder / "images") == 2);  // the image and names.json
  CHECK(store->find("app"));
}

TEST_CASE_METHOD(image_fixture,
                 "an image with a damaged disk is not found, and is mended by an import") {
  const auto made = imported({test::file("a", "b")});
  store.reset();
  fs::resize_file(made.disk, 4096);
  store = open();
  const auto found = store->find("app");
  REQUIRE_FALSE(found);
  CHECK(found.error().find("missing or damaged; import it again") != std::string::npos);
  CHECK(store->list().empty());
  CHECK(is_clean(imported({test::file("a", "b")}).disk));
}

TEST_CASE_METHOD(image_fixture, "a store with unreadable names is not opened as an empty one") {
  imported({test::file("a", "b")});
  store.reset();
  test::write_file(folder / "images/names.json", "{\"version\":1,");
  const auto opened = image_store::open(folder / "images", limits);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().find("names.json cannot be read") != std::string::npos);
  CHECK(entries_of(folder / "images") == 2);
}

TEST_CASE_METHOD(image_fixture, "images may be imported, found and removed from many threads") {
  const auto source = archive({test::file("a", "b")});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        const auto name = "app" + std::to_string(i);
        (void)store->import(name, source, start);
        (void)store->list();
        if (i % 2 == 0) (void)store->remove(name);
      });
  }
  CHECK(store->list().size() == 2);
  CHECK(fs::exists(store->find("app1")->disk));
}
