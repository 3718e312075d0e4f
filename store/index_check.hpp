// The index of the streams against the events. Private to store/.
#pragma once

#include <functional>

#include "store/database.hpp"

namespace platen::store {

// `index` walks the family `streams` of a log with the events up to `last`, of which those up to
// `dropped` are archived; `bytes_of` gives a live record. Every live event must have its entry, and
// each entry must be of the event it leads to. Of the archived events only the newest version of a
// stream may have one, which cannot be followed; that the last versions of all streams add up to
// `last` speaks for them. kind::corrupt names what disagrees.
result<void> check_index(rocksdb::Iterator& index, std::uint64_t last, std::uint64_t dropped,
                         const std::function<result<std::string>(std::uint64_t)>& bytes_of);

}  // namespace platen::store
