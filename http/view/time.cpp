#include "http/view/time.hpp"

#include "events/json.hpp"

namespace platen::http {

std::string to_seconds_text(std::int64_t time_us) {
  auto text = events::to_rfc3339(time_us);
  const auto dot = text.find('.');
  if (dot != std::string::npos) text.replace(dot, std::string::npos, "Z");
  return text;
}

}  // namespace platen::http
