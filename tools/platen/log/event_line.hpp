// One event as one line of a table with fixed columns, because a stream has no end to measure.
#pragma once

#include <string>

#include "events/envelope.hpp"
#include "tools/platen/log/name_book.hpp"
#include "tools/platen/log/step_clock.hpp"

namespace platen::cli {

// All are without a line end and not yet cut to the terminal's width. A line has the time of day
// only; the day is for the caller to tell when it changes.
std::string event_heading();
std::string event_line(const events::envelope& event, const event_times& times,
                       const name_book& names);

// An event on its own: with its day, without what lies between it and others.
std::string event_summary(const events::envelope& event, const name_book& names);

// "2026-11-22 09:40:24.123", UTC.
std::string clock_text(std::int64_t time_us);

}  // namespace platen::cli
