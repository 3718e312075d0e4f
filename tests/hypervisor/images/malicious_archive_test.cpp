// Archives that try to write outside of the image, or to fill the host.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "hypervisor/images/image_store.hpp"
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

struct attack_fixture {
  test::test_folder folder;
  fs::path victim = folder / "victim";
  std::unique_ptr<image_store> store =
      image_store::open(folder / "images",
                        {.content_bytes = mebibyte, .entries = 20, .free_bytes = mebibyte})
          .value();

  attack_fixture() { test::write_file(victim / "file", "untouched"); }

  tl::expected<image, std::string> import(const std::vector<test::entry>& entries,
                                          test::compression how = test::compression::none) const {
    test::write_file(folder / "archive", test::tar(entries, how));
    return store->import(
        "app", folder / "archive",
        {.entrypoint = {"/init"}, .cmd = {}, .env = {}, .workdir = "", .user = ""});
  }

  std::string refusal(const std::vector<test::entry>& entries) const {
    const auto result = import(entries);
    REQUIRE_FALSE(result);
    return result.error();
  }

  bool victim_is_untouched() const {
    return std::distance(fs::directory_iterator(victim), fs::directory_iterator()) == 1 &&
           test::content_of(victim / "file") == "untouched";
  }

  bool nothing_is_left() const { return fs::is_empty(folder / "images"); }
};

}  // namespace

TEST_CASE_METHOD(attack_fixture, "names that lead upwards are refused") {
  const auto name = GENERATE(as<std::string>(), "../evil", "a/../../evil", "..", "a/..");
  CHECK(refusal({test::file(name, "x")}).find("leads out of the image") != std::string::npos);
  CHECK(nothing_is_left());
  CHECK_FALSE(fs::exists(folder / "evil"));
}

TEST_CASE_METHOD(attack_fixture, "absolute names are refused with the way out") {
  CHECK(refusal({test::file((victim / "file").string(), "x")})
            .find("has an absolute name; make the archive with relative names") !=
        std::string::npos);
  CHECK(victim_is_untouched());
}

TEST_CASE_METHOD(attack_fixture, "a file below an absolute link lands inside the image") {
  const auto inside = victim.string().substr(1);
  const auto made = import({test::folder(inside), test::symbolic_link("way", victim.string()),
                            test::file("way/file", "mine")});
  REQUIRE(made);
  CHECK(victim_is_untouched());
  CHECK(test::disk_content(made->disk, victim.string() + "/file") == "mine");
}

TEST_CASE_METHOD(attack_fixture, "a file below a link to nowhere is refused") {
  CHECK(refusal({test::symbolic_link("way", victim.string()), test::file("way/file", "mine")})
            .find("a link that leads nowhere") != std::string::npos);
  CHECK(victim_is_untouched());
}

TEST_CASE_METHOD(attack_fixture, "links upwards stop at the image's root") {
  const auto made = import({test::folder("a"), test::symbolic_link("a/up", "../../../../../.."),
                            test::file("a/up/file", "at the root")});
  REQUIRE(made);
  CHECK(test::disk_content(made->disk, "/file") == "at the root");
  CHECK_FALSE(fs::exists("/file"));
}

TEST_CASE_METHOD(attack_fixture, "chains of links stay inside") {
  const auto made =
      import({test::symbolic_link("one", "two"), test::symbolic_link("two", "/"),
              test::symbolic_link("three", "one/../../.."), test::file("three/file", "inside")});
  REQUIRE(made);
  CHECK(test::disk_content(made->disk, "/file") == "inside");
}

TEST_CASE_METHOD(attack_fixture, "links that lead in a circle are refused") {
  CHECK(refusal(
            {test::symbolic_link("a", "b"), test::symbolic_link("b", "a"), test::file("a/x", "x")})
            .starts_with("the entry 'a/x' cannot be placed"));
}

TEST_CASE_METHOD(attack_fixture, "a file replaces a link of its name and does not follow it") {
  const auto made =
      import({test::symbolic_link("a", (victim / "file").string()), test::file("a", "mine")});
  REQUIRE(made);
  CHECK(victim_is_untouched());
  CHECK(test::disk_content(made->disk, "/a") == "mine");
}

TEST_CASE_METHOD(attack_fixture, "a folder replaces a link of its name") {
  const auto made = import(
      {test::symbolic_link("a", victim.string()), test::folder("a"), test::file("a/file", "mine")});
  REQUIRE(made);
  CHECK(victim_is_untouched());
  CHECK(test::disk_content(made->disk, "/a/file") == "mine");
}

TEST_CASE_METHOD(attack_fixture, "a file's mode and owner do not reach through a link") {
  struct stat before {};
  REQUIRE(::stat((victim / "file").c_str(), &before) == 0);
  REQUIRE(import({{test::kind::symbolic_link, "a", (victim / "file").string(), 0777, 12, 34}}));
  struct stat after {};
  REQUIRE(::stat((victim / "file").c_str(), &after) == 0);
  CHECK(after.st_mode == before.st_mode);
  CHECK(after.st_uid == before.st_uid);
}

TEST_CASE_METHOD(attack_fixture, "hard links out of the image are refused") {
  const auto target = GENERATE(as<std::string>(), "../../victim/file", "a/../../victim/file");
  CHECK(refusal({test::folder("a"), test::hard_link("stolen", target)})
            .find("leads out of the image") != std::string::npos);
  CHECK(victim_is_untouched());
}

TEST_CASE_METHOD(attack_fixture, "absolute targets of hard links are looked for inside the image") {
  CHECK(refusal({test::hard_link("stolen", (victim / "file").string())}).find("cannot be linked") !=
        std::string::npos);
  CHECK(refusal({test::symbolic_link("way", victim.string()), test::hard_link("stolen", "way/file"),
                 test::file("stolen", "overwritten")})
            .find("cannot be linked") != std::string::npos);
  CHECK(victim_is_untouched());
}

TEST_CASE_METHOD(attack_fixture, "writing to a name does not write to its other hard links") {
  const auto made =
      import({test::file("a", "first"), test::hard_link("b", "a"), test::file("b", "second")});
  REQUIRE(made);
  CHECK(test::disk_content(made->disk, "/a") == "first");
  CHECK(test::disk_content(made->disk, "/b") == "second");
}

TEST_CASE_METHOD(attack_fixture, "a hard link to itself, to a folder or to nothing is no way out") {
  CHECK(import({test::file("a", "first"), test::hard_link("a", "a")}));
  REQUIRE(store->remove("app"));
  CHECK(refusal({test::folder("a"), test::hard_link("b", "a")}).find("cannot be linked") !=
        std::string::npos);
  CHECK(refusal({test::hard_link("b", "nothing")}).find("cannot be linked") != std::string::npos);
}

TEST_CASE_METHOD(attack_fixture, "devices and pipes are refused by name") {
  const auto type = GENERATE(test::kind::character_device, test::kind::pipe);
  const auto error = refusal({{type, "var/thing", ""}});
  CHECK(error.starts_with("the entry 'var/thing' is a "));
  CHECK(error.find("remove it from the image") != error.npos);
}

TEST_CASE_METHOD(attack_fixture, "devices in dev/ are left to the guest") {
  const auto made = import({test::folder("dev"),
                            {test::kind::character_device, "dev/mem", ""},
                            {test::kind::pipe, "./dev/initctl", ""},
                            test::file("a", "b")});
  REQUIRE(made);
  CHECK_FALSE(test::disk_has(made->disk, "/dev/mem"));
  CHECK_FALSE(test::disk_has(made->disk, "/dev/initctl"));
  CHECK(test::disk_has(made->disk, "/a"));
}

TEST_CASE_METHOD(attack_fixture, "sockets and pipes in a folder are refused as well") {
  test::write_file(folder / "rootfs/a", "b");
  REQUIRE(::mkfifo((folder / "rootfs/pipe").c_str(), 0600) == 0);
  const auto result =
      store->import("app", folder / "rootfs",
                    {.entrypoint = {"/a"}, .cmd = {}, .env = {}, .workdir = "", .user = ""});
  REQUIRE_FALSE(result);
  CHECK(result.error().starts_with("the entry 'pipe' is a named pipe"));
}

TEST_CASE_METHOD(attack_fixture, "links in a folder are copied and not followed") {
  test::write_file(folder / "rootfs/a", "b");
  fs::create_directory_symlink(victim, folder / "rootfs/way");
  const auto result =
      store->import("app", folder / "rootfs",
                    {.entrypoint = {"/a"}, .cmd = {}, .env = {}, .workdir = "", .user = ""});
  REQUIRE(result);
  CHECK_FALSE(test::disk_has(result->disk, "/way/file"));
  CHECK(test::ask_disk(result->disk, "stat /way").find("Type: symlink") != std::string::npos);
}

TEST_CASE_METHOD(attack_fixture, "an archive that unpacks to more than is allowed is refused") {
  const auto result =
      import({test::file("a", "small"), test::file("bomb", std::string(2 * mebibyte, '\0'))},
             test::compression::gzip);
  REQUIRE_FALSE(result);
  CHECK(result.error().starts_with("the entry 'bomb' makes the image larger"));
  CHECK(nothing_is_left());
}

TEST_CASE_METHOD(attack_fixture, "the limit of the size is for all files together") {
  CHECK(import({test::file("a", std::string(mebibyte, 'a'))}));
  CHECK_FALSE(import({test::file("a", std::string(mebibyte, 'a')), test::file("b", "b")}));
}

TEST_CASE_METHOD(attack_fixture, "an archive with more files than are allowed is refused") {
  std::vector<test::entry> entries;
  for (int i = 0; i < 20; ++i)
    entries.push_back(test::file(std::to_string(i), ""));
  CHECK(import(entries));
  entries.push_back(test::file("one more", ""));
  const auto result = import(entries);
  REQUIRE_FALSE(result);
  CHECK(result.error().starts_with("the entry 'one more' is one more than"));
}

TEST_CASE_METHOD(attack_fixture, "folders nested deeper than any path can name are refused") {
  std::string deep;
  for (int i = 0; i < 18; ++i)
    deep += (i ? "/" : "") + std::string(200, 'd');
  const auto error = refusal({test::folder(deep), test::symbolic_link("s", deep),
                              test::folder("s/" + deep), test::file("s/" + deep + "/x", "x")});
  CHECK(error.find("cannot be placed") != error.npos);
  CHECK(nothing_is_left());
}

TEST_CASE_METHOD(attack_fixture, "control characters of a name are not repeated in messages") {
  CHECK(refusal({{test::kind::pipe, "a\033[2Jb", ""}}).find('\033') == std::string::npos);
}

TEST_CASE_METHOD(attack_fixture, "set-user-id programs wait behind a locked door while importing") {
  // The folder an import works in must not be open to other users of the host.
  test::write_file(folder / "archive", test::tar({test::file("a", "b")}));
  const auto made = import({{test::kind::file, "suid", "x", 04755}});
  REQUIRE(made);
  for (const auto& entry : fs::recursive_directory_iterator(folder / "images"))
    CHECK((entry.status().permissions() & fs::perms::set_uid) == fs::perms::none);
}
