#include "tests/store/segments.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

namespace platen::store::testing {

segment_info write_segment(const event_log& log, const std::string& path, std::uint64_t first,
                           std::uint64_t last, const event_choice& withheld) {
  segment_info about;
  about.first = first;
  about.made_us = 1'763'791'200'000'000;
  about.made_by = "tests";
  if (withheld) about.rules = "as the test wants";
  std::optional<segment_writer> writer;
  const auto read = log.read_records(first - 1, [&](const auto& event, std::string_view record) {
    if (last != 0 && event.sequence > last) return false;
    if (!writer) {
      about.hash_before = event.previous_hash;
      auto made = segment_writer::create(path, about);
      REQUIRE(made);
      writer.emplace(std::move(*made));
    }
    REQUIRE(writer->add(event, record, withheld && withheld(event)));
    return true;
  });
  REQUIRE(read);
  REQUIRE(writer);
  const auto sealed = writer->seal();
  INFO((sealed ? "" : sealed.error().message));
  REQUIRE(sealed);
  return *sealed;
}

std::vector<std::string> records_of(const event_log& log, std::uint64_t after) {
  std::vector<std::string> all;
  const auto read = log.read_records(after, [&](const auto&, std::string_view record) {
    all.emplace_back(record);
    return true;
  });
  INFO((read ? "" : read.error().message));
  REQUIRE(read);
  return all;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace platen::store::testing
