#include "store/keys.hpp"

namespace platen::store {

namespace {
constexpr std::size_t number_size = 8;
constexpr char separator = '\0';
}  // namespace

std::string number_key(std::uint64_t value) {
  std::string key(number_size, '\0');
  for (std::size_t i = number_size; i-- > 0; value >>= 8U)
    key[i] = static_cast<char>(value & 0xffU);
  return key;
}

std::optional<std::uint64_t> number_from_key(std::string_view bytes) {
  if (bytes.size() != number_size) return std::nullopt;
  std::uint64_t value = 0;
  for (const char byte : bytes)
    value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

std::string stream_prefix(std::string_view stream) {
  return std::string(stream) + separator;
}

std::string stream_key(std::string_view stream, std::uint64_t version) {
  return stream_prefix(stream) + number_key(version);
}

std::optional<stream_position> stream_position_from_key(std::string_view bytes) {
  if (bytes.size() < number_size + 2) return std::nullopt;
  const std::size_t name_size = bytes.size() - number_size - 1;
  const std::string_view name = bytes.substr(0, name_size);
  if (bytes[name_size] != separator || name.find(separator) != std::string_view::npos)
    return std::nullopt;
  return stream_position{std::string(name), *number_from_key(bytes.substr(name_size + 1))};
}

}  // namespace platen::store
