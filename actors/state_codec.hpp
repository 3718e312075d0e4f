// States as canonical bytes: equal states have equal bytes, everywhere. Made from describe().
//
// The bytes are a cache and never the truth, so they carry no versions: state_format() names the
// layout, and what was written under another name is thrown away and folded from the log again.
//
//   integer, bool, enumerator   little-endian, as wide as its type
//   text                        length u32, bytes
//   list, set                   length u32, elements in order
//   optional                    u8 0, or u8 1 and the value
//   struct                      its fields in the order of describe()
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "actors/instance/state.hpp"
#include "actors/service/state.hpp"
#include "actors/template/state.hpp"

namespace platen::actors {

std::string encode_state(const vm_template::state& value);
std::string encode_state(const instance::state& value);
std::string encode_state(const service_group::state& value);

// The error says where the bytes are wrong. Bytes left over are wrong, too.
tl::expected<vm_template::state, std::string> decode_template(std::string_view bytes);
tl::expected<instance::state, std::string> decode_instance(std::string_view bytes);
tl::expected<service_group::state, std::string> decode_service_group(std::string_view bytes);

// SHA-256 of the canonical bytes.
events::digest state_hash(const vm_template::state& value);
events::digest state_hash(const instance::state& value);
events::digest state_hash(const service_group::state& value);

// Names the layout and so the meaning of a state hash: changes whenever a field or an enumerator is
// added, renamed, moved or changes its type. Hashes of different formats cannot be compared.
const std::string& state_format();

}  // namespace platen::actors
