#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "events/json.hpp"

using namespace platen::events;
using nlohmann::json;

namespace {

std::vector<std::string> lines_of(const std::string& name) {
  std::ifstream file(PLATEN_SOURCE_DIR "/tests/events/golden/" + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  return lines;
}

// Everything that was shown then is shown now; fields added since may be there as well.
void check_still_shown(const json& then, const json& now) {
  if (!then.is_object()) {
    CHECK(now == then);
    return;
  }
  for (const auto& [key, value] : then.items()) {
    INFO(key);
    REQUIRE(now.contains(key));
    check_still_shown(value, now[key]);
  }
}

}  // namespace

TEST_CASE("P10: the golden log of every released schema is read as it was written") {
  const std::string version = GENERATE(as<std::string>{}, "v1", "v2", "v3", "v4");
  const auto records = lines_of(version + ".hex");
  const auto views = lines_of(version + ".jsonl");
  REQUIRE(records.size() > 20);
  REQUIRE(records.size() == views.size());
  digest previous{};
  for (std::size_t i = 0; i < records.size(); ++i) {
    INFO(version << " line " << i + 1);
    const auto bytes = from_hex(records[i]);
    REQUIRE(bytes);
    const auto read = decode(*bytes);
    REQUIRE(read);
    CHECK(read->previous_hash == previous);
    CHECK_FALSE(std::holds_alternative<unknown_event>(read->what));
    check_still_shown(json::parse(views[i]), json::parse(to_json(*read)));
    previous = read->hash;
  }
}
