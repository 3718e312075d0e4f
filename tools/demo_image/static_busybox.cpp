#include "tools/demo_image/static_busybox.hpp"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

namespace platen::demo {
namespace {

constexpr const char* busybox_path = "/bin/busybox";

template <typename Header>
std::optional<Header> header_at(std::string_view file, std::size_t offset) {
  if (offset > file.size() || file.size() - offset < sizeof(Header)) return std::nullopt;
  Header header;
  std::memcpy(&header, file.data() + offset, sizeof header);
  return header;
}

}  // namespace

bool is_static_program(std::string_view file) {
  const auto elf = header_at<Elf64_Ehdr>(file, 0);
  if (!elf || std::memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0) return false;
  if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != EM_X86_64) return false;
  for (std::size_t i = 0; i < elf->e_phnum; ++i) {
    const auto segment = header_at<Elf64_Phdr>(file, elf->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment || segment->p_type == PT_INTERP) return false;
  }
  return elf->e_phnum > 0;
}

tl::expected<std::string, std::string> read_static_busybox() {
  std::ifstream file(busybox_path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), {}};
  if (!is_static_program(content))
    return tl::unexpected(std::string("the demo image needs a static ") + busybox_path +
                          "; install the package busybox-static");
  return content;
}

}  // namespace platen::demo
