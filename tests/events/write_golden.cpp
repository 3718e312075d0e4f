// Writes <directory>/v<schema version>.hex and .jsonl: one event of each type, chained.
#include <fstream>
#include <iostream>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "events/json.hpp"
#include "tests/events/every_event.hpp"

using namespace platen::events;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_golden <directory>\n";
    return 2;
  }
  const std::string stem = std::string(argv[1]) + "/v" + std::to_string(schema_version);
  std::ofstream records(stem + ".hex");
  std::ofstream views(stem + ".jsonl");
  envelope place;
  place.stream = "template/golden";
  place.time_us = 1'763'791'200'000'000;
  place.why = {"golden", "platend", origin::system, "golden"};
  for (auto& event : testing::every_event({"gr\u00fc\u00df \"x\"\n", 2, true})) {
    ++place.sequence;
    ++place.version;
    place.previous_hash = place.hash;
    place.what = std::move(event);
    records << to_hex(encode(place)) << '\n';
    views << to_json(place) << '\n';
  }
  return records.flush() && views.flush() ? 0 : 1;
}
