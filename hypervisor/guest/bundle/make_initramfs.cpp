// make_initramfs OUTPUT INIT MODULE...
//
// Writes an uncompressed cpio archive ("newc", the kernel's initramfs format) with /init, the
// modules in /modules and their order in /modules/order. Equal inputs give equal bytes.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace {

constexpr unsigned folder_mode = 040755;
constexpr unsigned file_mode = 0100644;
constexpr unsigned program_mode = 0100755;

class cpio_writer {
 public:
  explicit cpio_writer(const std::string& path) : path_(path), out_(path, std::ios::binary) {}

  void add(const std::string& name, unsigned mode, const std::string& bytes) {
    write_header(name, mode, bytes.size());
    write_padded(bytes);
  }

  void finish() {
    add("TRAILER!!!", 0, "");
    out_.close();
    if (!out_) throw std::runtime_error("cannot write " + path_);
  }

 private:
  void write_header(const std::string& name, unsigned mode, std::size_t size) {
    const unsigned inode = mode == 0 ? 0 : ++inodes_;
    const unsigned links = (mode & 040000) != 0 ? 2 : 1;
    const std::size_t fields[] = {inode, mode, 0, 0, links,           0, size,
                                  0,     0,    0, 0, name.size() + 1, 0};
    std::string header = "070701";
    for (const auto field : fields) {
      char digits[9];
      std::snprintf(digits, sizeof digits, "%08lX", static_cast<unsigned long>(field));
      header += digits;
    }
    write_padded(header + name + '\0');
  }

  void write_padded(const std::string& bytes) {
    constexpr std::size_t alignment = 4;
    const std::size_t padding = (alignment - bytes.size() % alignment) % alignment;
    out_ << bytes << std::string(padding, '\0');
  }

  std::string path_;
  std::ofstream out_;
  unsigned inodes_ = 0;
};

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_initramfs(const std::string& output, const std::string& init, char** modules,
                     int count) {
  cpio_writer archive(output);
  for (const char* folder : {"dev", "proc", "sys", "root", "modules"})
    archive.add(folder, folder_mode, "");
  archive.add("init", program_mode, read(init));
  std::string order;
  for (int at = 0; at < count; ++at) {
    const std::string name = std::filesystem::path(modules[at]).filename();
    archive.add("modules/" + name, file_mode, read(modules[at]));
    order += name + "\n";
  }
  archive.add("modules/order", file_mode, order);
  archive.finish();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: make_initramfs OUTPUT INIT MODULE...\n", stderr);
    return 2;
  }
  try {
    write_initramfs(argv[1], argv[2], argv + 3, argc - 3);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_initramfs: %s\n", error.what());
    return 1;
  }
  return 0;
}
