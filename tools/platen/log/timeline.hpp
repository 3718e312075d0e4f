// A log as a picture, before anybody draws it: lanes, bars, markers, links. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "actors/replay.hpp"
#include "events/filter.hpp"
#include "tools/platen/log/name_book.hpp"
#include "tools/platen/outcome.hpp"

namespace platen::cli {

// All times are microseconds since the Unix epoch as recorded; no bar ends before it begins.
struct timeline {
  struct lane {
    std::string stream;
    std::string label;      // "template/web"
    std::size_t group = 0;  // instances share the number of their template
  };
  struct bar {
    std::size_t lane = 0;
    std::string phase;  // the lifecycle shown for the entity
    std::int64_t begin_us = 0;
    std::int64_t end_us = 0;
    bool open = false;  // it goes on beyond the end of the log
  };
  struct marker {
    std::size_t lane = 0;
    std::int64_t time_us = 0;
    std::uint64_t sequence = 0;
    std::string type;
    std::string event;  // JSON, in ASCII
  };
  // From a template to an instance that waited for it.
  struct link {
    std::size_t from_lane = 0;
    std::int64_t from_us = 0;
    std::size_t to_lane = 0;
    std::int64_t to_us = 0;
    bool failed = false;  // the preparation failed, and the instance with it
  };
  struct restart {
    std::int64_t time_us = 0;
    bool start = true;  // else the daemon stopped
    std::string text;
  };

  std::vector<lane> lanes;  // templates, each followed by its instances; then the others
  std::vector<bar> bars;
  std::vector<marker> markers;
  std::vector<link> links;
  std::vector<restart> restarts;
  std::int64_t begin_us = 0;
  std::int64_t end_us = 0;
};

// A picture of more events than this helps nobody, and browsers fail.
inline constexpr std::size_t most_events_drawn = 200'000;

// Feed it all events of a log in order: phases follow from those that are not shown, too.
class timeline_builder {
 public:
  // Shown are the lanes of which an event passes the filter, and of them the events that do.
  explicit timeline_builder(events::filter shown) : shown_(std::move(shown)) {}

  void note(const events::envelope& event);

  // The failure: nothing passes the filter, or too much.
  result<timeline> finish() &&;

 private:
  struct entity_lane {
    std::string parent;  // an instance's template stream
    bool visible = false;
    std::vector<timeline::bar> bars;
  };

  void follow_phase(const events::envelope& event);
  void follow_links(const events::envelope& event);
  void note_restart(const events::envelope& event);
  std::vector<std::string> ordered_streams() const;
  bool in_range(std::int64_t begin_us, std::int64_t end_us) const;
  void add_bars(timeline& out, const std::map<std::string, std::size_t>& place);

  struct open_link {
    std::string from;
    std::int64_t from_us = 0;
    std::string to;
    std::int64_t to_us = 0;
    bool failed = false;
  };
  struct shown_event {
    std::string stream;
    timeline::marker what;
  };

  events::filter shown_;
  actors::world world_;
  name_book names_;
  std::map<std::string, entity_lane> lanes_;
  std::vector<std::string> order_;  // of first appearance
  std::vector<shown_event> events_;
  std::size_t passed_ = 0;
  std::vector<open_link> links_;
  std::vector<timeline::restart> restarts_;
  std::map<std::string, std::int64_t>
      ready_since_;  // template stream → its last end of preparation
  std::int64_t first_us_ = 0;
  std::int64_t last_us_ = 0;
};

// One HTML file that needs nothing else: no network, no other file.
void write_html(std::ostream& out, const timeline& picture);

// Trace Event JSON for chrome://tracing and Perfetto: a process per template, a thread per entity.
void write_chrome_trace(std::ostream& out, const timeline& picture);

}  // namespace platen::cli
