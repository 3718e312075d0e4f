#include "hypervisor/rom_rules.hpp"

#include <catch2/catch.hpp>

using namespace platen::hypervisor;

namespace {

std::vector<std::string> names(const std::vector<rom>& roms) {
  std::vector<std::string> list;
  for (const auto& rom : roms)
    list.push_back(rom.name);
  return list;
}

std::vector<rom> many(std::size_t count, const std::string& prefix) {
  std::vector<rom> roms;
  for (std::size_t i = 0; i < count; ++i)
    roms.push_back({prefix + std::to_string(i), "", "digest"});
  return roms;
}

const rom config{"config", "/etc/config", "c"};
const rom session{"session", "/mnt/session", "s"};

}  // namespace

TEST_CASE("a VM's own ROMs are added to its template's, equal ones once") {
  CHECK(names(added_roms({session, config}, {config}).value()) ==
        std::vector<std::string>{"session"});
  CHECK(added_roms({}, {config})->empty());
}

TEST_CASE("a ROM with the name or the place of another is refused by name") {
  CHECK(added_roms({{"config", "/elsewhere", "x"}}, {config}).error() ==
        "ROM 'config' has the name of another ROM of the template; give it a name of its own");
  CHECK(added_roms({{"mine", "/etc/config", "x"}}, {config}).error() ==
        "ROM 'mine' is to be mounted at /etc/config, where the ROM 'config' of the template is "
        "mounted; choose another place");
  CHECK_FALSE(added_roms({session, session}, {}));
  CHECK_FALSE(added_roms({session, {"other", session.at, "x"}}, {}));
  CHECK(added_roms({{"a", "", "x"}, {"b", "", "x"}}, {}));
}

TEST_CASE("eight ROMs are the limit, the template's included") {
  CHECK(added_roms(many(8, "a"), {})->size() == 8);
  CHECK_FALSE(added_roms(many(9, "a"), {}));
  CHECK(added_roms(many(3, "own"), many(5, "template"))->size() == 3);
  CHECK_FALSE(added_roms(many(4, "own"), many(5, "template")));
}
