#include "http/gateway/reader.hpp"

#include <algorithm>

namespace platen::gateway {

namespace {

constexpr std::size_t first_buffer = 4 * 1024;

}  // namespace

void reader::make_room() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (buffer_.empty()) buffer_.resize(std::min(first_buffer, limit_));
  if (end_ < buffer_.size() && !was_filled_) return;
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  buffer_.resize(std::min(limit_, buffer_.size() * 2));
}

awaitable<error_code> reader::fill() {
  make_room();
  if (end_ == buffer_.size()) co_return asio::error::no_buffer_space;
  const auto read = co_await from_->read_some(buffer_.data() + end_, buffer_.size() - end_);
  if (!read.error) end_ += read.count;
  was_filled_ = end_ == buffer_.size();
  co_return read.error;
}

awaitable<reader::found_head> reader::head() {
  std::size_t searched = 0;
  while (true) {
    const auto bytes = buffered();
    if (const auto size = find_head_end(bytes, searched); size != 0) co_return found_head{size, {}};
    searched = bytes.size();
    if (searched >= limit_) co_return found_head{};
    const auto error = co_await fill();
    if (error) co_return found_head{0, error};
  }
}

void reader::begin(framing how) {
  how_ = how;
  left_ = how.length;
  chunks_ = {};
  body_done_ = how.how == framing::kind::none;
}

awaitable<tl::expected<std::string_view, fault>> reader::piece() {
  while (true) {
    if (auto ready = ready_piece()) co_return *ready;
    const auto error = co_await fill();
    if (!error) continue;
    if (error == asio::error::eof && how_.how == framing::kind::until_close) {
      body_done_ = true;
      continue;
    }
    co_return tl::make_unexpected(fault{400, "the connection ended within the body"});
  }
}

std::optional<tl::expected<std::string_view, fault>> reader::ready_piece() {
  if (body_done_) return std::string_view();
  const auto bytes = buffered();
  if (how_.how == framing::kind::chunked) return buffered_chunk();
  if (bytes.empty()) return std::nullopt;
  auto count = bytes.size();
  if (how_.how == framing::kind::length) {
    count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, count));
    left_ -= count;
    body_done_ = left_ == 0;
  }
  take(count);
  return bytes.substr(0, count);
}

std::optional<tl::expected<std::string_view, fault>> reader::buffered_chunk() {
  while (true) {
    const auto step = chunks_.next(buffered());
    if (!step) return tl::make_unexpected(step.error());
    take(step->used);
    body_done_ = chunks_.done();
    if (body_done_) return std::string_view();
    if (!step->data.empty()) return step->data;
    if (step->used == 0) return std::nullopt;
  }
}

}  // namespace platen::gateway
