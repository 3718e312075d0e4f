// Autoscale of a service group, as a request describes it.
#pragma once

#include <vector>

#include "actors/service/autoscale.hpp"
#include "http/create/create_reader.hpp"

namespace platen::http {

struct autoscale_request {
  actors::service_group::autoscale how;  // without its template and ROMs: they are below
  create_request made_of;                // wish.from and ROMs: what each instance is
};

// The members of one item; problems are reported.
void read_autoscale(object_reader& item, autoscale_request& into);

events::scale_policy read_policy(const nlohmann::json& value, std::string path,
                                 first_problem& problem);

}  // namespace platen::http
