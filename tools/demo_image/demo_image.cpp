#include "tools/demo_image/demo_image.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <memory>

#include "tools/demo_image/embedded_files.hpp"
#include "tools/demo_image/static_busybox.hpp"

namespace platen::demo {
namespace {

// Any fixed moment makes equal archives of equal files; this is the first of January 2020.
constexpr std::time_t file_time = 1577836800;

constexpr std::array folders{"bin",         "dev",     "etc",      "home", "mnt",
                             "mnt/session", "proc",    "root",     "run",  "sys",
                             "usr",         "usr/bin", "usr/sbin", "var",  "var/log"};

constexpr std::array applets{
    "ash",     "awk",  "base64", "basename", "cat",       "chmod",    "chown",    "clear",
    "cp",      "cut",  "date",   "dd",       "df",        "diff",     "dirname",  "dmesg",
    "du",      "echo", "env",    "expr",     "false",     "find",     "free",     "grep",
    "gunzip",  "gzip", "head",   "hexdump",  "hostname",  "httpd",    "id",       "ifconfig",
    "ip",      "kill", "less",   "ln",       "ls",        "md5sum",   "mkdir",    "mkfifo",
    "mknod",   "more", "mount",  "mv",       "nc",        "netstat",  "nslookup", "od",
    "pgrep",   "ping", "printf", "ps",       "pwd",       "readlink", "rm",       "rmdir",
    "route",   "sed",  "seq",    "sh",       "sha256sum", "sleep",    "sort",     "stat",
    "strings", "sync", "tail",   "tar",      "tee",       "test",     "top",      "touch",
    "tr",      "true", "tty",    "umount",   "uname",     "uniq",     "uptime",   "vi",
    "wc",      "wget", "which",  "whoami",   "xargs",     "xxd",      "yes",      "zcat"};

struct free_archive {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};
struct free_entry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};

la_ssize_t append(archive*, void* bytes, const void* block, std::size_t size) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(block), size);
  return static_cast<la_ssize_t>(size);
}

// Errors of libarchive can only be lack of memory here; the first one is kept.
class tar_writer {
 public:
  tar_writer() : writer_(::archive_write_new()) {
    check(::archive_write_set_format_ustar(writer_.get()));
    check(::archive_write_add_filter_none(writer_.get()));
    check(::archive_write_open(writer_.get(), &bytes_, nullptr, append, nullptr));
  }

  void add_folder(const char* path, mode_t mode) { add(path, AE_IFDIR, mode, "", ""); }
  void add_file(const char* path, mode_t mode, std::string_view content) {
    add(path, AE_IFREG, mode, content, "");
  }
  void add_link(const char* path, const char* target) { add(path, AE_IFLNK, 0777, "", target); }

  tl::expected<std::string, std::string> finish() {
    check(::archive_write_close(writer_.get()));
    if (!error_.empty()) return tl::unexpected("the demo image cannot be packed: " + error_);
    return std::move(bytes_);
  }

 private:
  void add(const char* path, mode_t type, mode_t mode, std::string_view content,
           const char* target) {
    const std::unique_ptr<archive_entry, free_entry> entry(::archive_entry_new());
    ::archive_entry_set_pathname(entry.get(), path);
    ::archive_entry_set_filetype(entry.get(), type);
    ::archive_entry_set_perm(entry.get(), mode);
    ::archive_entry_set_mtime(entry.get(), file_time, 0);
    ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    if (type == AE_IFLNK) ::archive_entry_set_symlink(entry.get(), target);
    check(::archive_write_header(writer_.get(), entry.get()));
    if (!content.empty() && ::archive_write_data(writer_.get(), content.data(), content.size()) !=
                                static_cast<la_ssize_t>(content.size()))
      check(ARCHIVE_FATAL);
  }

  void check(int status) {
    if (status == ARCHIVE_OK || !error_.empty()) return;
    const char* text = ::archive_error_string(writer_.get());
    error_ = text ? text : "unknown error";
  }

  std::unique_ptr<archive, free_archive> writer_;
  std::string bytes_;
  std::string error_;
};

bool is_program(std::string_view path) {
  return path.starts_with("usr/bin/");
}

}  // namespace

tl::expected<std::string, std::string> build_demo_image_tar() {
  const auto busybox = read_static_busybox();
  if (!busybox) return tl::unexpected(busybox.error());
  tar_writer tar;
  for (const char* folder : folders)
    tar.add_folder(folder, 0755);
  tar.add_folder("tmp", 01777);
  // Empty, as systemd wants it in images: the instance gets its own.
  tar.add_file("etc/machine-id", 0444, "");
  for (const embedded_file& file : embedded_files())
    tar.add_file(file.path, is_program(file.path) ? 0755 : 0644, file.content());
  tar.add_file("bin/busybox", 0755, *busybox);
  for (const char* applet : applets)
    tar.add_link((std::string("bin/") + applet).c_str(), "busybox");
  return tar.finish();
}

hypervisor::image_config demo_image_config() {
  return {.entrypoint = {"/usr/bin/demo-server"}, .cmd = {}, .env = {}, .workdir = "/", .user = ""};
}

}  // namespace platen::demo
