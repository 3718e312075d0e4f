#include "hypervisor/qemu/rom_drive.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "hypervisor/qemu/file.hpp"

using namespace platen::hypervisor;
using namespace platen::hypervisor::qemu;
namespace fs = std::filesystem;

namespace {

struct folder {
  folder() {
    std::string pattern = (fs::temp_directory_path() / "platen-roms-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~folder() { fs::remove_all(path); }

  rom_image rom(const std::string& name, const std::string& bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return {name, "erofs", bytes.size(), path / name};
  }

  fs::path path;
};

}  // namespace

TEST_CASE("QEMU reads the ROMs one after another, and zeros behind them") {
  const folder here;
  const std::string first(8192, 'a');
  const std::string second(4096, 'b');
  std::vector<placed_rom> roms;
  std::vector<unique_fd> files;
  for (const auto& [name, bytes] : {std::pair{"one", first}, std::pair{"two", second}}) {
    const auto image = here.rom(name, bytes);
    roms.push_back(place_rom(roms, {name, "", name}, image).value());
    files.push_back(open_file(image.path, O_RDONLY).value());
  }
  CHECK(roms[0].offset == 0);
  CHECK(roms[1].offset == 8192);
  CHECK(roms[1].length == 4096);
  REQUIRE(write_rom_drive(here.path, roms, 60));

  const auto script = "cd " + here.path.string() + " && exec 60<one 61<two && ulimit -n 256 && " +
                      "qemu-img dd -f vmdk -O raw if=rom.vmdk of=read bs=4096 count=4 && " +
                      "qemu-img info rom.vmdk | grep -q '(" + std::to_string(rom_drive_size) +
                      " bytes)'";
  const auto command = "bash -c \"" + script + "\"";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(read_file(here.path / "read", 1 << 20).value() == first + second + std::string(4096, 0));
}

TEST_CASE("a drive of files in its folder is read like one of descriptors") {
  const folder here;
  const std::string first(4096, 'a');
  const std::string second(8192, 'b');
  std::vector<placed_rom> roms;
  roms.push_back(place_rom(roms, {"one", "", "d"}, here.rom(rom_file_name(0), first)).value());
  roms.push_back(place_rom(roms, {"two", "", "d"}, here.rom(rom_file_name(1), second)).value());
  REQUIRE(write_rom_drive_of_files(here.path, roms));
  const auto command = "cd " + here.path.string() +
                       " && qemu-img dd -f vmdk -O raw if=rom.vmdk of=read bs=4096 count=4";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(read_file(here.path / "read", 1 << 20).value() == first + second + std::string(4096, 0));
}

TEST_CASE("a drive without ROMs is all zeros") {
  const folder here;
  REQUIRE(write_rom_drive(here.path, {}, 60));
  const auto command = "cd " + here.path.string() +
                       " && qemu-img dd -f vmdk -O raw if=rom.vmdk of=read bs=4096 count=1";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(read_file(here.path / "read", 1 << 20).value() == std::string(4096, 0));
}

TEST_CASE("a ROM that does not fit is refused by name") {
  const rom_image vast{"d", "ext4", rom_drive_size, {}};
  const auto full = place_rom({}, {"vast", "", "d"}, vast).value();
  CHECK(place_rom({full}, {"small", "", "d"}, {"d", "erofs", 4096, {}}).error().find("ROM small") ==
        0);
  CHECK_FALSE(place_rom({}, {"odd", "", "d"}, {"d", "erofs", 4097, {}}));
  CHECK_FALSE(place_rom({}, {"empty", "", "d"}, {"d", "erofs", 0, {}}));
}

TEST_CASE("a copy has the original's bytes and holes") {
  const folder here;
  const auto original = here.path / "original";
  {
    const auto fd = create_sparse_file(original, 64 << 20).value();
    REQUIRE(write_at(fd.get(), "begin", 0, original));
    REQUIRE(write_at(fd.get(), "middle", 32 << 20, original));
  }
  const auto fd = open_file(original, O_RDONLY).value();
  REQUIRE(copy_sparse(fd.get(), here.path / "copy"));
  CHECK(read_file(here.path / "copy", 64 << 20) == read_file(original, 64 << 20));
  const auto blocks = [](const fs::path& path) {
    struct stat status {};
    ::stat(path.c_str(), &status);
    return status.st_blocks * 512;
  };
  CHECK(blocks(here.path / "copy") <= blocks(original));

  REQUIRE(link_or_copy(fd.get(), here.path / "second name"));
  CHECK(fs::equivalent(original, here.path / "second name"));
}
