// Appending to the event log, in a closed loop.
#pragma once

#include <string>

#include "store/event_log.hpp"

namespace platen::benchmarks {

struct append_rate {
  double events_per_s = 0;
  double p50_us = 0;
  double p99_us = 0;
};

// Keeps `in_flight` appends of one event each under way, on as many streams, until `total` are
// durable. The streams are new: their names begin with `streams`.
append_rate measure_appends(store::event_log& log, std::size_t in_flight, std::size_t total,
                            const std::string& streams);

// Bytes of a record as the loop writes it.
std::size_t appended_record_bytes();

}  // namespace platen::benchmarks
