#include "http/gateway/chunk_decoder.hpp"

#include <algorithm>
#include <charconv>

namespace platen::gateway {

namespace {

constexpr std::size_t longest_size_line = 256;
constexpr std::size_t most_trailer_bytes = 8 * 1024;

tl::unexpected<fault> malformed(std::string why) {
  return tl::make_unexpected(fault{400, std::move(why)});
}

}  // namespace

tl::expected<chunk_decoder::step, fault> chunk_decoder::next(std::string_view in) {
  switch (stage_) {
    case stage::size:
      return take_size(in);
    case stage::data: {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
      left_ -= count;
      if (left_ == 0) stage_ = stage::data_end;
      return step{count, in.substr(0, count)};
    }
    case stage::data_end:
      if (in.size() < 2) return step{};
      if (in.substr(0, 2) != "\r\n") return malformed("a chunk is longer than it says");
      stage_ = stage::size;
      return step{2, {}};
    case stage::trailer:
      return take_trailer(in);
    case stage::done:
      break;
  }
  return step{};
}

tl::expected<chunk_decoder::step, fault> chunk_decoder::take_size(std::string_view in) {
  const auto end = in.find("\r\n");
  if (std::min(end, in.size()) > longest_size_line) return malformed("a chunk's size is too long");
  if (end == std::string_view::npos) return step{};
  const auto line = in.substr(0, end);
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
  const auto rest = line.substr(static_cast<std::size_t>(stop - line.data()));
  const bool only_extension = rest.empty() || rest.front() == ';' || rest.front() == ' ';
  const bool bare_feed = rest.find_first_of("\r\n") != std::string_view::npos;
  if (error != std::errc{} || !only_extension || bare_feed)
    return malformed("a chunk's size is malformed");
  stage_ = left_ == 0 ? stage::trailer : stage::data;
  return step{end + 2, {}};
}

tl::expected<chunk_decoder::step, fault> chunk_decoder::take_trailer(std::string_view in) {
  const auto end = in.find("\r\n");
  if (trailer_bytes_ + std::min(end, in.size()) > most_trailer_bytes)
    return malformed("the trailers are too long");
  if (end == std::string_view::npos) return step{};
  trailer_bytes_ += end + 2;
  if (end == 0) stage_ = stage::done;
  return step{end + 2, {}};
}

}  // namespace platen::gateway
