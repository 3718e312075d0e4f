#include "hypervisor/qemu/console_text.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace platen::hypervisor::qemu;

TEST_CASE("whatever a guest prints can be put into JSON") {
  CHECK(clean_text("plain\r\nlines\tand \xc3\xa4\n") == "plain\nlines\tand \xc3\xa4\n");
  CHECK(clean_text("\x1b[31mred\x07") == "?[31mred?");
  CHECK(clean_text("cut \xe2\x82") == "cut ??");
  CHECK(clean_text("\xc0\xaf\xed\xa0\x80") == "?????");
  std::string all;
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      all += static_cast<char>(first);
      all += static_cast<char>(second);
    }
  CHECK_NOTHROW(nlohmann::json(clean_text(all)).dump());
}

TEST_CASE("the console tells how a guest ended when nobody listened") {
  const auto exited = find_last_words(
      "noise\nplaten-init: workload exited with code 3\r\nplaten-init: power off\r\n");
  CHECK(exited.workload_exit == 3);
  CHECK(exited.failure.empty());
  CHECK(find_last_words("platen-init: failed (disk): no file system on /dev/vda\r\n").failure ==
        "the guest failed at disk: no file system on /dev/vda");
  CHECK(find_last_words("[ 1.0] Kernel panic - not syncing: Attempted to kill init!\r\n").failure ==
        "the guest's kernel crashed: Attempted to kill init!");
  CHECK_FALSE(find_last_words("platen-init: workload exited with code soon\n").workload_exit);
  CHECK(find_last_words("").failure.empty());
}
