#include "actors/state_codec.hpp"

#include <set>
#include <type_traits>

#include "actors/describe.hpp"
#include "events/hash.hpp"

namespace platen::actors {

namespace {

template <class T>
concept enumeration = std::is_enum_v<T>;

// ---- writing -----------------------------------------------------------------------------------

class writer {
 public:
  template <class T>
  void operator()(const char*, const T& value) {
    put(value);
  }

  std::string bytes;

 private:
  template <std::integral T>
  void put(T value) {
    const auto wide = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes += static_cast<char>(wide >> 8 * i & 0xffU);
  }
  template <enumeration T>
  void put(T value) {
    put(static_cast<std::uint8_t>(value));
  }
  void put(const std::string& value) {
    put_size(value.size());
    bytes += value;
  }
  template <described T>
  void put(const T& value) {
    describe(value, *this);
  }
  void put(const optional_like auto& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put_all(values);
  }
  void put(const std::set<std::string>& values) { put_all(values); }

  void put_all(const auto& values) {
    put_size(values.size());
    for (const auto& value : values)
      put(value);
  }
  void put_size(std::size_t value) { put(static_cast<std::uint32_t>(value)); }
};

// ---- reading -----------------------------------------------------------------------------------

// After the first fault nothing more is read: every further value is its default.
class reader {
 public:
  explicit reader(std::string_view bytes) : left_(bytes) {}

  template <class T>
  void operator()(const char* name, T& value) {
    take(value);
    if (!good_ && fault_.empty()) fault_ = name;
  }

  tl::expected<void, std::string> finish() const {
    if (!good_) return tl::unexpected("the bytes end within, or do not fit, '" + fault_ + "'");
    if (!left_.empty())
      return tl::unexpected(std::to_string(left_.size()) + " bytes follow the last field");
    return {};
  }

 private:
  std::string_view next(std::size_t count) {
    if (count > left_.size()) good_ = false;
    if (!good_) return {};
    const auto taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }

  template <std::integral T>
  void take(T& value) {
    const auto from = next(sizeof(T));
    std::uint64_t wide = 0;
    for (std::size_t i = 0; i < from.size(); ++i)
      wide |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[i])) << 8 * i;
    if constexpr (std::same_as<T, bool>) good_ = good_ && wide <= 1;
    value = static_cast<T>(wide);
  }
  void take(enumeration auto& value) {
    std::uint8_t number = 0;
    take(number);
    using type = std::remove_reference_t<decltype(value)>;
    good_ = good_ && number <= static_cast<std::uint8_t>(type::deleted);
    if (good_) value = static_cast<type>(number);
  }
  void take(std::string& value) { value = next(take_size()); }
  void take(described auto& value) { describe(value, *this); }
  void take(optional_like auto& value) {
    bool present = false;
    take(present);
    if (present && good_) take(value.emplace());
  }
  template <class T>
  void take(std::vector<T>& values) {
    for (auto count = take_size(); count > 0 && good_; --count)
      take(values.emplace_back());
  }
  void take(std::set<std::string>& values) {
    for (auto count = take_size(); count > 0 && good_; --count) {
      std::string value;
      take(value);
      values.insert(values.end(), std::move(value));
    }
  }
  std::size_t take_size() {
    std::uint32_t size = 0;
    take(size);
    return good_ ? size : 0;
  }

  std::string_view left_;
  bool good_ = true;
  std::string fault_;
};

template <class State>
tl::expected<State, std::string> decode(std::string_view bytes) {
  State value;
  reader from(bytes);
  describe(value, from);
  if (const auto read = from.finish(); !read) return tl::unexpected(read.error());
  return value;
}

template <class State>
std::string encode(const State& value) {
  writer to;
  to.bytes.reserve(512);
  describe(value, to);
  return std::move(to.bytes);
}

// ---- the shape ---------------------------------------------------------------------------------

// Spells out names and types of all fields, those of elements included.
class shape_writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    text += std::string(name) + ":";
    spell(value);
    text += ";";
  }

  std::string text;

 private:
  template <std::integral T>
  void spell(T) {
    text += std::same_as<T, bool> ? "b" : std::signed_integral<T> ? "i" : "u";
    text += std::to_string(sizeof(T));
  }
  template <enumeration T>
  void spell(T) {
    for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(T::deleted); ++i)
      text += std::string(to_string(static_cast<T>(i))) + "|";
  }
  void spell(const std::string&) { text += "s"; }
  template <described T>
  void spell(const T& value) {
    text += "{";
    describe(value, *this);
    text += "}";
  }
  void spell(const optional_like auto& value) {
    text += "?";
    spell(std::remove_cvref_t<decltype(*value)>{});
  }
  template <class T>
  void spell(const std::vector<T>&) {
    text += "*";
    spell(T{});
  }
  void spell(const std::set<std::string>&) { text += "<s>"; }
};

std::string make_format() {
  shape_writer shape;
  shape("template", vm_template::state{});
  shape("instance", instance::state{});
  shape("service", service_group::state{});
  constexpr std::size_t enough_digits = 16;
  return "state-1-" + events::to_hex(events::sha256_of(shape.text)).substr(0, enough_digits);
}

}  // namespace

std::string encode_state(const vm_template::state& value) {
  return encode(value);
}
std::string encode_state(const instance::state& value) {
  return encode(value);
}
std::string encode_state(const service_group::state& value) {
  return encode(value);
}

tl::expected<vm_template::state, std::string> decode_template(std::string_view bytes) {
  return decode<vm_template::state>(bytes);
}
tl::expected<instance::state, std::string> decode_instance(std::string_view bytes) {
  return decode<instance::state>(bytes);
}
tl::expected<service_group::state, std::string> decode_service_group(std::string_view bytes) {
  return decode<service_group::state>(bytes);
}

events::digest state_hash(const vm_template::state& value) {
  return events::sha256_of(encode_state(value));
}
events::digest state_hash(const instance::state& value) {
  return events::sha256_of(encode_state(value));
}
events::digest state_hash(const service_group::state& value) {
  return events::sha256_of(encode_state(value));
}

const std::string& state_format() {
  static const std::string made = make_format();
  return made;
}

}  // namespace platen::actors
