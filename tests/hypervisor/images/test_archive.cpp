#include "tests/hypervisor/images/test_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>

namespace platen::hypervisor::images::test {
namespace {

struct free_writer {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};
struct free_entry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};

la_ssize_t append(archive*, void* bytes, const void* block, std::size_t size) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(block), size);
  return static_cast<la_ssize_t>(size);
}

void add_compression(archive* writer, compression how) {
  switch (how) {
    case compression::none:
      REQUIRE(::archive_write_add_filter_none(writer) == ARCHIVE_OK);
      break;
    case compression::gzip:
      REQUIRE(::archive_write_add_filter_gzip(writer) == ARCHIVE_OK);
      break;
    case compression::zstd:
      REQUIRE(::archive_write_add_filter_zstd(writer) == ARCHIVE_OK);
      break;
    case compression::xz:
      REQUIRE(::archive_write_add_filter_xz(writer) == ARCHIVE_OK);
      break;
  }
}

unsigned file_type(kind type) {
  switch (type) {
    case kind::folder:
      return AE_IFDIR;
    case kind::symbolic_link:
      return AE_IFLNK;
    case kind::character_device:
      return AE_IFCHR;
    case kind::pipe:
      return AE_IFIFO;
    default:
      return AE_IFREG;
  }
}

void write_entry(archive* writer, const entry& description) {
  const std::unique_ptr<archive_entry, free_entry> header(::archive_entry_new());
  ::archive_entry_set_pathname(header.get(), description.name.c_str());
  ::archive_entry_set_filetype(header.get(), file_type(description.type));
  ::archive_entry_set_perm(header.get(), description.mode);
  ::archive_entry_set_uid(header.get(), description.uid);
  ::archive_entry_set_gid(header.get(), description.gid);
  ::archive_entry_set_mtime(header.get(), 1'000'000'000, 0);
  for (const auto& [name, value] : description.attributes)
    ::archive_entry_xattr_add_entry(header.get(), name.c_str(), value.data(), value.size());
  if (description.type == kind::symbolic_link)
    ::archive_entry_set_symlink(header.get(), description.content.c_str());
  if (description.type == kind::hard_link)
    ::archive_entry_set_hardlink(header.get(), description.content.c_str());
  const bool has_content = description.type == kind::file;
  ::archive_entry_set_size(header.get(),
                           has_content ? static_cast<la_int64_t>(description.content.size()) : 0);
  INFO(::archive_error_string(writer));
  // Names that are not UTF-8 are written as they are, with a warning.
  REQUIRE(::archive_write_header(writer, header.get()) >= ARCHIVE_WARN);
  if (has_content)
    REQUIRE(::archive_write_data(writer, description.content.data(), description.content.size()) ==
            static_cast<la_ssize_t>(description.content.size()));
}

// libarchive writes names that are not ASCII in the character set of the thread's locale.
class utf8_names {
 public:
  utf8_names() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    REQUIRE(locale_ != nullptr);
    previous_ = ::uselocale(locale_);
  }
  ~utf8_names() {
    ::uselocale(previous_);
    ::freelocale(locale_);
  }
  utf8_names(const utf8_names&) = delete;
  utf8_names& operator=(const utf8_names&) = delete;

 private:
  locale_t locale_;
  locale_t previous_ = nullptr;
};

}  // namespace

std::string tar(const std::vector<entry>& entries, compression how) {
  const utf8_names names;
  std::string bytes;
  const std::unique_ptr<archive, free_writer> writer(::archive_write_new());
  ::archive_write_set_format_pax_restricted(writer.get());
  add_compression(writer.get(), how);
  ::archive_write_set_bytes_in_last_block(writer.get(), 1);
  REQUIRE(::archive_write_open(writer.get(), &bytes, nullptr, append, nullptr) == ARCHIVE_OK);
  for (const entry& description : entries)
    write_entry(writer.get(), description);
  REQUIRE(::archive_write_close(writer.get()) == ARCHIVE_OK);
  return bytes;
}

std::string compressed(const std::string& content, compression how) {
  std::string bytes;
  const std::unique_ptr<archive, free_writer> writer(::archive_write_new());
  ::archive_write_set_format_raw(writer.get());
  add_compression(writer.get(), how);
  ::archive_write_set_bytes_in_last_block(writer.get(), 1);
  REQUIRE(::archive_write_open(writer.get(), &bytes, nullptr, append, nullptr) == ARCHIVE_OK);
  write_entry(writer.get(), file("data", content));
  REQUIRE(::archive_write_close(writer.get()) == ARCHIVE_OK);
  return bytes;
}

}  // namespace platen::hypervisor::images::test
