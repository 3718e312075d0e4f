// The parts of platen-init that need no machine.
#include <catch2/catch.hpp>

#include "hypervisor/guest/init/identity.hpp"
#include "hypervisor/guest/init/roms.hpp"
#include "hypervisor/guest/init/user.hpp"
#include "hypervisor/guest/init/workload.hpp"

using namespace platen::guest;

namespace {

constexpr char passwd[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# no entry\n"
    "web:x:33:44::/srv:/bin/sh\n"
    "broken:x:a:b::/:/bin/sh\n";
constexpr char group[] = "root:x:0:\nweb:x:44:\nlog:x:55:other,web\nempty:x:66:\n";

using groups = std::vector<gid_t>;

}  // namespace

TEST_CASE("without a user the workload is root, also in an image without accounts") {
  CHECK(resolve_user("", passwd, group)->home == "/root");
  const auto user = resolve_user("", "", "");
  REQUIRE(user);
  CHECK(user->uid == 0);
  CHECK(user->gid == 0);
  CHECK(user->home == "/");
}

TEST_CASE("a user's name or number brings its group, its other groups and its home") {
  for (const char* wanted : {"web", "33"}) {
    const auto user = resolve_user(wanted, passwd, group);
    REQUIRE(user);
    CHECK(user->uid == 33);
    CHECK(user->gid == 44);
    CHECK(user->groups == groups{44, 55});
    CHECK(user->home == "/srv");
  }
}

TEST_CASE("a group that is given replaces the user's groups") {
  CHECK(resolve_user("web:log", passwd, group)->groups == groups{55});
  CHECK(resolve_user("web:1234", passwd, group)->gid == 1234);
  CHECK(resolve_user("33:44", passwd, group)->gid == 44);
}

TEST_CASE("a number needs no entry, a name does") {
  CHECK(resolve_user("4711", passwd, group)->uid == 4711);
  CHECK(resolve_user("4711", passwd, group)->gid == 0);
  CHECK(resolve_user("ghost", passwd, group).error() ==
        "the user \"ghost\" is not in the image's /etc/passwd");
  CHECK(resolve_user("web:ghost", passwd, group).error() ==
        "the group \"ghost\" is not in the image's /etc/group");
  CHECK_FALSE(resolve_user("web:", passwd, group));
  CHECK_FALSE(resolve_user("-1", passwd, group));
  CHECK_FALSE(resolve_user("99999999999", passwd, group));
  CHECK_FALSE(resolve_user("broken", passwd, group));
}

TEST_CASE("the environment has defaults and the order's variables over them") {
  CHECK(make_environment({{"A", "1"}, {"HOME", "/x"}, {"A", "2"}}, "/root", "box") ==
        std::vector<std::string>{
            "A=2", "HOME=/x", "HOSTNAME=box",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"});
}

TEST_CASE("a UUID has one hardware address, locally administered and of one machine") {
  using address = std::array<std::uint8_t, 6>;
  CHECK(hardware_address_of("00000000-0000-4000-8000-0123456789ab").value() ==
        address{0x02, 0x23, 0x45, 0x67, 0x89, 0xab});
  CHECK(hardware_address_of("00000000-0000-4000-8000-FFFFFFFFFFFF").value() ==
        address{0x02, 0xff, 0xff, 0xff, 0xff, 0xff});
  for (const char* bad :
       {"", "x", "00000000-0000-4000-8000-0123456789a", "00000000-0000-4000-8000-0123456789aq",
        "00000000-0000-4000-8000-0123456789abc"}) {
    INFO(bad);
    CHECK_FALSE(hardware_address_of(bad));
  }
}

TEST_CASE("a ROM may be mounted anywhere but where the platform lives") {
  for (const char* good : {"/rom", "/mnt/a/b", "/ukulele", "/mnt//a/./b/", "/development"})
    CHECK(refuse_mount_point(good).empty());
  for (const char* bad : {"", "rom", "./rom", "/", "//", "/.", "/uk", "/uk/libukp", "//uk/./x",
                          "/a/../uk", "/a/..", "/proc/1", "/sys", "/dev/shm"}) {
    INFO(bad);
    CHECK_FALSE(refuse_mount_point(bad).empty());
  }
}

TEST_CASE("a ROM's device is named after it if that is a plain name") {
  for (const char* good : {"session", "my-rom_1.2"})
    CHECK(refuse_device_name(good).empty());
  for (const auto& bad :
       {std::string(), std::string("a/b"), std::string("a b"), std::string(64, 'x')})
    CHECK_FALSE(refuse_device_name(bad).empty());
}
