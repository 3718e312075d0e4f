#include "tools/platen/tar_stream.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <map>

#include "tests/tools/temporary_directory.hpp"

namespace {

using namespace platen::cli;
using platen::tests::temporary_directory;
namespace fs = std::filesystem;

struct member {
  std::string content;
  std::string link;  // of a symbolic or hard link
  unsigned mode = 0;
  std::int64_t uid = 0;
};

std::string packed(const fs::path& folder) {
  std::string bytes;
  const auto written = write_tar(folder, [&](const char* data, std::size_t size) {
    bytes.append(data, size);
    return true;
  });
  REQUIRE(written.has_value());
  return bytes;
}

std::map<std::string, member> unpacked(const std::string& bytes) {
  std::map<std::string, member> members;
  const std::unique_ptr<archive, int (*)(archive*)> in(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(in.get());
  REQUIRE(archive_read_open_memory(in.get(), bytes.data(), bytes.size()) == ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (archive_read_next_header(in.get(), &entry) == ARCHIVE_OK) {
    member found;
    found.content.resize(static_cast<std::size_t>(archive_entry_size(entry)));
    archive_read_data(in.get(), found.content.data(), found.content.size());
    if (const char* target = archive_entry_symlink(entry)) found.link = target;
    if (const char* target = archive_entry_hardlink(entry)) found.link = target;
    found.mode = archive_entry_perm(entry);
    found.uid = archive_entry_uid(entry);
    members[archive_entry_pathname(entry)] = found;
  }
  return members;
}

}  // namespace

TEST_CASE("a folder is packed with contents, modes, owners and links") {
  const temporary_directory directory;
  directory.write("bin/run", "#!/bin/sh\n");
  fs::permissions(directory.path() / "bin/run", fs::perms(04755));
  fs::create_symlink("bin/run", directory.path() / "start");
  fs::create_hard_link(directory.path() / "bin/run", directory.path() / "bin/run2");
  fs::create_directory(directory.path() / "empty");

  const auto members = unpacked(packed(directory.path()));
  const bool first_is_run = members.at("bin/run").link.empty();
  const auto& file = members.at(first_is_run ? "bin/run" : "bin/run2");
  const auto& link = members.at(first_is_run ? "bin/run2" : "bin/run");
  CHECK(file.content == "#!/bin/sh\n");
  CHECK(file.mode == 04755);
  CHECK(file.uid == static_cast<std::int64_t>(getuid()));
  CHECK(link.link == (first_is_run ? "bin/run" : "bin/run2"));
  CHECK(members.at("start").link == "bin/run");
  CHECK(members.count("empty/") == 1);
}

TEST_CASE("packing ends with an error when the receiver is gone") {
  const temporary_directory directory;
  directory.write("file", std::string(1 << 20, 'x'));
  CHECK_FALSE(
      write_tar(directory.path(), [](const char*, std::size_t) { return false; }).has_value());
}

TEST_CASE("a folder that is not there is named") {
  CHECK(write_tar("/no/such/folder", [](const char*, std::size_t) { return true; })
            .error()
            .find("/no/such/folder") != std::string::npos);
}
