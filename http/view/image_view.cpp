#include "http/view/entity_view.hpp"
#include "http/view/time.hpp"

namespace platen::http {

json_object to_json(const hypervisor::image& value) {
  auto args = value.config.entrypoint;
  args.insert(args.end(), value.config.cmd.begin(), value.config.cmd.end());
  json_object into{{"url", value.name}, {"digest", value.digest}};
  into["size_in_bytes"] = value.size_bytes;
  into["created_at"] = to_seconds_text(value.created_us);
  into["args"] = std::move(args);
  into["env"] = json_object::object();
  for (const auto& [name, content] : value.config.env)
    into["env"][name] = content;
  return into;
}

}  // namespace platen::http
