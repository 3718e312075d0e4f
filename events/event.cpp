#include "events/event.hpp"

#include <array>

#include "events/envelope.hpp"

namespace platen::events {

namespace {

constexpr std::array<std::string_view, 6> origin_names = {"api",     "guest",     "timer",
                                                          "gateway", "reconcile", "system"};

// Every member of the schema's union has its place in the variant; unknown_event stands for NONE.
static_assert(std::variant_size_v<event> == static_cast<std::size_t>(wire::Payload::MAX) + 1,
              "event.hpp and event.fbs disagree about which events there are");

struct name_of {
  std::string_view operator()(const unknown_event& value) const { return value.type; }

  template <class T>
  std::string_view operator()(const T&) const {
    return wire::EnumNamePayload(wire::PayloadUnionTraits<T>::enum_value);
  }
};

}  // namespace

std::string_view type_name(const event& value) {
  return std::visit(name_of{}, value);
}

std::string_view to_string(origin value) {
  return origin_names.at(static_cast<std::size_t>(value));
}

std::optional<origin> origin_from_string(std::string_view name) {
  for (std::size_t i = 0; i < origin_names.size(); ++i)
    if (origin_names[i] == name) return static_cast<origin>(i);
  return std::nullopt;
}

}  // namespace platen::events
