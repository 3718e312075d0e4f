// Takes a chunked body (RFC 9112, 7.1) apart as it arrives. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

#include "http/gateway/message_head.hpp"

namespace platen::gateway {

class chunk_decoder {
 public:
  struct step {
    std::size_t used = 0;   // bytes of the input this step took; 0: it needs more of them
    std::string_view data;  // of the body, within the input
  };

  // Chunk extensions and trailers are checked for length and dropped.
  tl::expected<step, fault> next(std::string_view in);

  bool done() const { return stage_ == stage::done; }

 private:
  enum class stage { size, data, data_end, trailer, done };

  tl::expected<step, fault> take_size(std::string_view in);
  tl::expected<step, fault> take_trailer(std::string_view in);

  stage stage_ = stage::size;
  std::uint64_t left_ = 0;         // of the present chunk
  std::size_t trailer_bytes_ = 0;  // so far
};

}  // namespace platen::gateway
