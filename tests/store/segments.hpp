// Log segments as the tests make them.
#pragma once

#include <functional>
#include <string>

#include "store/segment/segment_reader.hpp"

namespace platen::store::testing {

using event_choice = std::function<bool(const events::envelope&)>;

// Writes the events `first` to `last` (0: the newest) of a log; of those that `withheld` chooses
// only the header.
segment_info write_segment(const event_log& log, const std::string& path, std::uint64_t first = 1,
                           std::uint64_t last = 0, const event_choice& withheld = nullptr);

// All records of a log behind `after`, as they are stored.
std::vector<std::string> records_of(const event_log& log, std::uint64_t after = 0);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

}  // namespace platen::store::testing
