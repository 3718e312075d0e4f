// That an upgrade of QEMU under a running daemon is noticed, and nothing else costs a run of it.
#include "hypervisor/qemu/host_qemu.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace platen::hypervisor::qemu;
namespace fs = std::filesystem;

namespace {

// A folder with a program that tells its version as QEMU does, and notes each time it is run.
class installation {
 public:
  installation() {
    std::string pattern = (fs::temp_directory_path() / "platen-host-qemu-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
  ~installation() { fs::remove_all(folder_); }

  // As a package manager does it: a new file takes the name.
  void install(const std::string& version) const {
    const auto fresh = folder_ / "qemu.dpkg-new";
    std::ofstream(fresh) << "#!/bin/sh\necho run >> " << (folder_ / "runs").string()
                         << "\necho 'QEMU emulator version " << version << "'\n";
    fs::permissions(fresh, fs::perms::owner_all);
    fs::rename(fresh, program());
  }
  fs::path program() const { return folder_ / "qemu"; }
  int runs() const {
    std::ifstream lines(folder_ / "runs");
    int count = 0;
    for (std::string line; std::getline(lines, line);)
      ++count;
    return count;
  }

 private:
  fs::path folder_;
};

}  // namespace

TEST_CASE("QEMU is run once, and again when its file is another") {
  const installation host;
  host.install("7.2.22");
  qemu_program program(host.program());
  int replacements = 0;
  program.when_replaced([&] { ++replacements; });
  const auto first = program.look();
  REQUIRE(first);
  CHECK(first->version == "QEMU emulator version 7.2.22");
  CHECK(program.look() == *first);
  CHECK(host.runs() == 1);

  host.install("8.0.0");
  const auto second = program.look();
  REQUIRE(second);
  CHECK(second->version == "QEMU emulator version 8.0.0");
  CHECK(second->sha256 != first->sha256);
  CHECK(replacements == 1);
  CHECK(program.look() == *second);
  CHECK(host.runs() == 2);
}

TEST_CASE("the same QEMU in a new file is looked at again, and has not been replaced") {
  const installation host;
  host.install("7.2.22");
  qemu_program program(host.program());
  int replacements = 0;
  program.when_replaced([&] { ++replacements; });
  const auto first = program.look();
  host.install("7.2.22");
  CHECK(program.look() == first);
  CHECK(host.runs() == 2);
  CHECK(replacements == 0);
}

TEST_CASE("while QEMU is away that is said, and what comes back is looked at") {
  const installation host;
  host.install("7.2.22");
  qemu_program program(host.program());
  int replacements = 0;
  program.when_replaced([&] { ++replacements; });
  REQUIRE(program.look());
  fs::remove(host.program());
  CHECK(program.look().error().find("was not found; install qemu-system-x86") != std::string::npos);
  host.install("8.0.0");
  CHECK(program.look().value().version == "QEMU emulator version 8.0.0");
  CHECK(replacements == 1);
}
