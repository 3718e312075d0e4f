#include "hypervisor/images/rom_store.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>
#include <vector>

#include "hypervisor/images/sha256.hpp"
#include "tests/hypervisor/images/test_folder.hpp"

using platen::hypervisor::rom_bytes_limit;
using platen::hypervisor::rom_file;
using platen::hypervisor::rom_files_limit;
using platen::hypervisor::rom_image;
using platen::hypervisor::rom_store;
namespace images = platen::hypervisor::images;
namespace test = platen::hypervisor::images::test;
namespace fs = std::filesystem;

namespace {

struct rom_fixture {
  test::test_folder folder;
  std::unique_ptr<rom_store> store = rom_store::open(folder / "roms").value();

  std::string refusal(const std::vector<rom_file>& files) const {
    const auto result = store->put(files);
    REQUIRE_FALSE(result);
    return result.error();
  }
};

// What fsck.erofs unpacks is what a guest would read.
fs::path unpacked(const rom_image& rom, const test::test_folder& folder) {
  const auto target = folder / "unpacked";
  fs::remove_all(target);
  test::output_of("fsck.erofs --extract='" + target.string() + "' '" + rom.path.string() + "'");
  return target;
}

std::vector<std::string> erofs_files(const fs::path& root) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(root))
    if (entry.path().extension() == ".erofs") names.push_back(entry.path().filename().string());
  return names;
}

}  // namespace

TEST_CASE_METHOD(rom_fixture, "a ROM holds the files it was given, folders included") {
  const std::string binary("\0\xff\n", 3);
  const auto rom = store->put({{"session.txt", "sessionID=XYZ"}, {"a/b/c.bin", binary}}).value();
  const auto root = unpacked(rom, folder);
  CHECK(test::content_of(root / "session.txt") == "sessionID=XYZ");
  CHECK(test::content_of(root / "a/b/c.bin") == binary);
}

TEST_CASE_METHOD(rom_fixture, "a ROM's digest is that of its image, whose size is in whole pages") {
  const auto rom = store->put({{"f", std::string(5000, 'x')}, {"empty", ""}}).value();
  CHECK(rom.digest == images::sha256_hex(test::content_of(rom.path)));
  CHECK(rom.path == folder / "roms" / (rom.digest + ".erofs"));
  CHECK(rom.size_bytes == fs::file_size(rom.path));
  CHECK(rom.size_bytes > 0);
  CHECK(rom.size_bytes % 4096 == 0);
}

TEST_CASE_METHOD(rom_fixture, "equal files give an equal image in any store and any order") {
  const std::vector<rom_file> files{{"z", "1"}, {"a/x", "2"}, {"a/b/y", "3"}, {"m", "4"}};
  auto reversed = files;
  std::ranges::reverse(reversed);
  const auto other = rom_store::open(folder / "other").value();
  const auto rom = store->put(files).value();
  CHECK(other->put(reversed).value().digest == rom.digest);
  CHECK(store->put(reversed).value().digest == rom.digest);
  CHECK(erofs_files(folder / "roms").size() == 1);
}

TEST_CASE_METHOD(rom_fixture, "different names or content give different images") {
  const auto digest = store->put({{"a", "1"}}).value().digest;
  CHECK(store->put({{"a", "2"}}).value().digest != digest);
  CHECK(store->put({{"b", "1"}}).value().digest != digest);
}

TEST_CASE_METHOD(rom_fixture, "an equal ROM is not built again") {
  const auto first = store->put({{"a", "1"}}).value();
  const auto written = fs::last_write_time(first.path);
  const auto inode = test::output_of("stat -c %i '" + first.path.string() + "'");
  CHECK(store->put({{"a", "1"}}).value().digest == first.digest);
  CHECK(test::output_of("stat -c %i '" + first.path.string() + "'") == inode);
  CHECK(fs::last_write_time(first.path) == written);
}

TEST_CASE_METHOD(rom_fixture, "a ROM whose image was deleted is built again") {
  const auto first = store->put({{"a", "1"}}).value();
  fs::remove(first.path);
  CHECK(store->put({{"a", "1"}}).value().digest == first.digest);
  CHECK(fs::exists(first.path));
}

TEST_CASE_METHOD(rom_fixture, "a ROM is found by digest, also after the store was opened again") {
  const auto rom = store->put({{"a", "1"}}).value();
  const auto again = rom_store::open(folder / "roms").value();
  CHECK(again->find(rom.digest).value().path == rom.path);
  CHECK_FALSE(again->find(std::string(64, '0')));
  CHECK_FALSE(again->find("../" + rom.digest));
}

TEST_CASE_METHOD(rom_fixture, "what a crash left of a ROM is removed at the next start") {
  test::write_file(folder / "roms/.build-abc/tree/file", "half");
  REQUIRE(rom_store::open(folder / "roms"));
  CHECK_FALSE(fs::exists(folder / "roms/.build-abc"));
}

TEST_CASE_METHOD(rom_fixture, "files in a ROM belong to root and are readable by everybody") {
  const auto rom = store->put({{"d/f", "1"}}).value();
  const auto dump = test::output_of("dump.erofs --path=/d/f '" + rom.path.string() + "'");
  CHECK(dump.find("Uid: 0") != dump.npos);
  CHECK(dump.find("Gid: 0") != dump.npos);
  CHECK(dump.find("Access: 0644") != dump.npos);
}

TEST_CASE_METHOD(rom_fixture, "a file whose path leads out of the ROM is refused by name") {
  const auto path =
      GENERATE(as<std::string>(), "../x", "a/../../x", "/etc/passwd", "", "a//b", "a/", "./a",
               "a/.", std::string("a\0b", 3), std::string(256, 'n'),
               std::string(200, 'p') + "/" + std::string(200, 'p') + "/" + std::string(200, 'p') +
                   "/" + std::string(200, 'p') + "/" + std::string(230, 'p'));
  INFO(path);
  CHECK(refusal({{path, "x"}}).starts_with("ROM file '"));
  CHECK_FALSE(fs::exists(folder / "x"));
}

TEST_CASE_METHOD(rom_fixture, "the same path twice is refused by name") {
  CHECK(refusal({{"a/b", "1"}, {"c", "2"}, {"a/b", "1"}}) ==
        "ROM file 'a/b' is given twice; remove one");
}

TEST_CASE_METHOD(rom_fixture, "a path below another file is refused by name") {
  CHECK(refusal({{"a/b/c", "1"}, {"a-", "2"}, {"a", "3"}}) ==
        "ROM file 'a/b/c' needs 'a' to be a folder, but that is a file; rename one");
}

TEST_CASE_METHOD(rom_fixture, "a ROM has its limits, and not one file or byte less") {
  std::vector<rom_file> files;
  for (std::size_t i = 0; i < rom_files_limit; ++i)
    files.push_back({std::to_string(i), "x"});
  CHECK(store->put(files));
  files.push_back({"one more", ""});
  CHECK(refusal(files) == "a ROM holds at most 16 files, not 17");
  CHECK(store->put({{"big", std::string(rom_bytes_limit, 'b')}}));
  CHECK(refusal({{"big", std::string(rom_bytes_limit, 'b')}, {"bigger", "b"}})
            .starts_with("ROM file 'bigger' makes the ROM larger than 1000000 bytes"));
  CHECK(refusal({}) == "a ROM needs at least one file");
}

TEST_CASE_METHOD(rom_fixture, "the same ROM may be asked for from many threads at once") {
  std::vector<std::string> digests(8);
  {
    std::vector<std::jthread> threads;
    for (auto& digest : digests)
      threads.emplace_back([&] { digest = store->put({{"a", "shared"}}).value().digest; });
  }
  CHECK(std::ranges::all_of(digests, [&](const auto& digest) { return digest == digests[0]; }));
  CHECK(store->find(digests[0]));
}

TEST_CASE_METHOD(rom_fixture, "an image kept as a ROM outlives the image without a copy of it") {
  fs::create_directories(folder / "root");
  test::write_file(folder / "root/function.js", "export default 1");
  platen::hypervisor::import_limits limits;
  limits.free_bytes = 1 << 20;
  const auto images_here = platen::hypervisor::image_store::open(folder / "images", limits).value();
  const auto image = images_here->import("my/function:v1", folder / "root", {}).value();

  const auto rom = store->put_image(image).value();
  CHECK(rom.digest == image.digest);
  CHECK(rom.filesystem == "ext4");
  CHECK(rom.size_bytes == image.size_bytes);
  CHECK(fs::equivalent(rom.path, image.disk));
  CHECK(store->put_image(image)->path == rom.path);

  REQUIRE(images_here->remove("my/function:v1"));
  CHECK(test::disk_content(store->find(image.digest)->path, "/function.js") == "export default 1");
  CHECK_FALSE(store->put_image(image));
}

TEST_CASE_METHOD(rom_fixture, "ROMs nobody refers to are removed, and can be put again") {
  const auto kept = store->put({{"f", "kept"}}).value();
  const auto dropped = store->put({{"f", "dropped"}}).value();
  // Whoever put them may be about to refer to them.
  CHECK(store->remove_unreferenced({}) == 0);

  store = rom_store::open(folder / "roms").value();
  CHECK(store->remove_unreferenced({kept.digest}) == 1);
  CHECK(store->find(kept.digest));
  CHECK_FALSE(store->find(dropped.digest));
  const auto contents = [&] {
    const fs::directory_iterator all(folder / "roms/by-content");
    return std::distance(fs::begin(all), fs::end(all));
  };
  CHECK(contents() == 1);
  CHECK(store->remove_unreferenced({kept.digest}) == 0);
  CHECK(store->put({{"f", "dropped"}})->digest == dropped.digest);
  CHECK(store->remove_unreferenced({kept.digest}) == 0);
}
