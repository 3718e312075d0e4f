// Reads heads and bodies from a stream through one bounded buffer.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "http/gateway/chunk_decoder.hpp"
#include "http/gateway/message_head.hpp"
#include "http/gateway/stream.hpp"

namespace platen::gateway {

class reader {
 public:
  // `head_limit`: bytes of the longest head, and the buffer's size.
  reader(stream& from, std::size_t head_limit) : from_(&from), limit_(head_limit) {}

  // What was read and not taken yet.
  std::string_view buffered() const {
    return std::string_view(buffer_).substr(begin_, end_ - begin_);
  }
  void take(std::size_t count) { begin_ += count; }

  // Reads once. An error: nothing was read.
  awaitable<error_code> fill();

  // One past the head in buffered(), without taking it; 0: the connection ended or the time was up
  // (`error`), or the head is too long (no error). The head stays valid until the next fill().
  struct found_head {
    std::size_t size = 0;
    error_code error;
  };
  awaitable<found_head> head();

  // Begins a body.
  void begin(framing how);
  // The next piece of the body, valid until the next call; empty: the body is over. The error is
  // what is wrong with the body, or that the connection ended within it.
  awaitable<tl::expected<std::string_view, fault>> piece();
  // The same without waiting; nothing if more has to be read first.
  std::optional<tl::expected<std::string_view, fault>> ready_piece();
  bool body_done() const { return body_done_; }

 private:
  std::optional<tl::expected<std::string_view, fault>> buffered_chunk();
  void make_room();

  stream* from_;
  std::size_t limit_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool was_filled_ = false;  // by the last read: more is on its way
  framing how_;
  std::uint64_t left_ = 0;  // of a body of known length
  chunk_decoder chunks_;
  bool body_done_ = true;
};

}  // namespace platen::gateway
