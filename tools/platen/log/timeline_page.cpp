#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tools/platen/log/timeline.hpp"
#include "tools/platen/log/timeline_page_text.hpp"

namespace platen::cli {
namespace {

using nlohmann::json;

constexpr std::string_view data_place = "@TIMELINE_DATA@";

// Numbers for words that occur often.
class dictionary {
 public:
  std::size_t number(const std::string& word) {
    const auto [found, is_new] = numbers_.try_emplace(word, words_.size());
    if (is_new) words_.push_back(word);
    return found->second;
  }
  const json& words() const { return words_; }

 private:
  std::map<std::string, std::size_t> numbers_;
  json words_ = json::array();
};

// JSON inside a <script>: the only character that HTML could act on there is "<". What guests and
// clients wrote is in it, and it is only ever shown as text.
void put_text(std::ostream& out, std::string_view json_text) {
  for (std::size_t begin = 0; begin < json_text.size();) {
    const auto at = std::min(json_text.find('<', begin), json_text.size());
    out << json_text.substr(begin, at - begin);
    if (at < json_text.size()) out << "\\u003c";
    begin = at + 1;
  }
}

void put_json(std::ostream& out, const json& value) {
  put_text(out, value.dump(-1, ' ', true, json::error_handler_t::replace));
}

// Times are given from the beginning of the picture, in microseconds.
void put_data(std::ostream& out, const timeline& picture) {
  const auto since = [&](std::int64_t time_us) { return time_us - picture.begin_us; };
  dictionary phases;
  dictionary types;
  json lanes = json::array();
  for (const auto& one : picture.lanes)
    lanes.push_back({one.label, one.stream, one.group});
  json bars = json::array();
  for (const auto& one : picture.bars)
    bars.push_back({one.lane, phases.number(one.phase), since(one.begin_us), since(one.end_us),
                    one.open ? 1 : 0});
  json events = json::array();
  for (const auto& one : picture.markers)
    events.push_back({one.lane, since(one.time_us), one.sequence, types.number(one.type)});
  json links = json::array();
  for (const auto& one : picture.links)
    links.push_back(
        {one.from_lane, since(one.from_us), one.to_lane, since(one.to_us), one.failed ? 1 : 0});
  json restarts = json::array();
  for (const auto& one : picture.restarts)
    restarts.push_back({since(one.time_us), one.start ? 1 : 0, one.text});
  out << "{\"begin_us\":" << picture.begin_us << ",\"length_us\":" << since(picture.end_us);
  for (const auto& [name, value] : {std::pair<const char*, const json&>{"lanes", lanes},
                                    {"phases", phases.words()},
                                    {"types", types.words()},
                                    {"bars", bars},
                                    {"events", events},
                                    {"links", links},
                                    {"restarts", restarts}}) {
    out << ",\"" << name << "\":";
    put_json(out, value);
  }
  out << ",\"details\":[";
  for (const auto& one : picture.markers) {
    if (&one != &picture.markers.front()) out << ",\n";
    put_text(out, one.event);
  }
  out << "]}";
}

}  // namespace

void write_html(std::ostream& out, const timeline& picture) {
  const std::string_view page = timeline_page_text;
  const auto at = page.find(data_place);
  out << page.substr(0, at);
  put_data(out, picture);
  out << page.substr(at + data_place.size());
}

}  // namespace platen::cli
