// The body of POST /v1/instances: what is asked for, checked as far as it can be without asking
// anybody.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "actors/control_plane.hpp"
#include "http/create/rom_upload.hpp"
#include "http/create/service_reader.hpp"
#include "http/request/errors.hpp"
#include "http/request/wait_time.hpp"

namespace platen::http {

struct create_request {
  actors::create_instance wish;  // without ROMs: they are below, not stored yet
  std::vector<rom_upload> roms;
  std::vector<std::vector<rom_upload>> template_roms;  // by level: of wish.from, of its parent, ...
  std::vector<certificate_choice> certificates;        // of the group that is made with it
  wait_time wait{std::chrono::milliseconds(0)};
  std::size_t replicas = 0;  // beside it; 0 once they are items of their own
  std::vector<std::string> warnings;
};

// An object or an array of them, at most `items_limit`. The first fault refuses them all.
tl::expected<std::vector<create_request>, request_error> read_create_requests(
    const nlohmann::json& body, std::size_t items_limit);

}  // namespace platen::http
