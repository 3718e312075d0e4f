// From the options of `instance create` to the body of POST /v1/instances.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/platen/outcome.hpp"

namespace platen::cli {

struct create_wish {
  std::string name;
  std::string file;             // a body to send instead; "-": standard input
  std::string template_name;    // with `from`: prepared on demand
  std::string from;             // the template's image
  std::string image;            // boots this image, without a template
  std::string prepare_timeout;  // "60s", "5m", or seconds
  std::vector<std::string> args;
  std::vector<std::string> env;        // "NAME=value"
  std::vector<std::string> roms;       // "NAME=AT=DIR|FILE"
  std::vector<std::string> rom_texts;  // "AT/PATH=text"
  std::string service_group;           // name or UUID of one that exists
  std::vector<std::string> ports;      // "PORT[:DESTINATION][/HANDLER+HANDLER]"
  std::optional<std::uint32_t> memory_mb;
  std::optional<std::uint32_t> vcpus;
  std::optional<std::int64_t> timeout_s;
  std::optional<std::uint64_t> autokill_ms;
  std::string scale_to_zero;  // "on|idle|off[,stateful][,cooldown=MS]"
  bool wait = false;
  bool no_start = false;
};

// The failure names the option at fault. Reads the files that ROMs are made of.
result<nlohmann::json> create_body(const create_wish& wish);

// The member scale_to_zero, from "on|idle|off[,stateful][,cooldown=MS]".
result<nlohmann::json> scale_to_zero_of(const std::string& option);

// The member `services` of a service group, from "PORT[:DESTINATION][/HANDLER+HANDLER]" each.
result<nlohmann::json> services_body(const std::vector<std::string>& ports);

}  // namespace platen::cli
