// SHA-256 of streams, files and strings, as lower-case hex.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace platen::hypervisor::images {

class sha256 {
 public:
  sha256();
  ~sha256();
  sha256(sha256&&) noexcept;
  sha256& operator=(sha256&&) noexcept;

  void update(std::string_view bytes);
  // The length first, so that neighbouring fields cannot be mistaken for each other.
  void update_field(std::string_view bytes);
  void update_number(std::uint64_t value);
  // Ends the stream; no other member may be called after it.
  std::string hex();

 private:
  struct context;
  std::unique_ptr<context> context_;
};

std::string sha256_hex(std::string_view bytes);

// From the descriptor's first byte to its last, whatever its position was; the position is at the
// end afterwards. The error is the system's text.
tl::expected<std::string, std::string> sha256_of_file(int fd);

bool is_sha256_hex(std::string_view text);

}  // namespace platen::hypervisor::images
