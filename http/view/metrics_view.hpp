// What is known of an instance in figures (reference/unikraft-api.md §15.4). What is not known is
// left out.
#pragma once

#include "actors/instance/state.hpp"
#include "actors/template/state.hpp"
#include "http/gateway/gateway.hpp"
#include "http/request/envelope.hpp"
#include "http/view/prometheus.hpp"

namespace platen::http {

// `of` is the template it is a copy of, null if there is none (any more). `traffic` is what the
// gateway has for it, null if it has nothing to do with it. Reads /proc.
json_object metrics_json(const actors::instance::state& value, const actors::vm_template::state* of,
                         const gateway::load* traffic);

// The same as samples: each figure as "instance_<member>", the state as the platform's number.
void add_samples(prometheus_text& into, const json_object& metrics);

}  // namespace platen::http
