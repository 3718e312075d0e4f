// Whose story is to be told: what a person typed, found in a log.
#pragma once

#include <string>
#include <vector>

#include "tools/platen/log/name_book.hpp"
#include "tools/platen/log/spool.hpp"

namespace platen::cli {

// A template or instance (`stream` is set), or a request (`request_id` is set).
struct subject {
  std::string stream;
  std::string request_id;
  std::string label;                   // "template web", "instance one", "request 6f2…"
  std::vector<std::string> namesakes;  // streams of others that had its name and were deleted

  bool is_request() const { return stream.empty(); }
};

// `text` is a name, a UUID or at least four characters of its beginning, each also as KIND/…, or a
// request id. Of several entities of one name the living one is meant, else the newest. Not found
// and ambiguous are failures that say what there is.
result<subject> find_subject(const spool& log, const name_book& names, const std::string& text);

// "template web" for "template/<uuid>"; the UUID stands in for a missing name.
std::string spoken(const name_book& names, const std::string& stream);

// All names of a log.
result<name_book> read_names(const spool& log);

}  // namespace platen::cli
