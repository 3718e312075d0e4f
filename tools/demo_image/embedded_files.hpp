// Files that are part of this program, put there by the assembler.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace platen::demo {

struct embedded_file {
  const char* path;  // in the image, relative to its root
  const char* begin;
  const char* end;

  std::string_view content() const { return {begin, static_cast<std::size_t>(end - begin)}; }
};

}  // namespace platen::demo

extern "C" {
extern const platen::demo::embedded_file platen_demo_image_files[];
extern const std::size_t platen_demo_image_file_count;
}

namespace platen::demo {

inline std::span<const embedded_file> embedded_files() {
  return {platen_demo_image_files, platen_demo_image_file_count};
}

}  // namespace platen::demo
