// The handlers of /v1/instances, one file each.
#pragma once

#include "http/routes/api.hpp"

namespace platen::http {

answer_or_error<reply> create_instances(api& with, const api_request& request);
answer_or_error<reply> start_instances(api& with, const api_request& request);
answer_or_error<reply> stop_instances(api& with, const api_request& request);
answer_or_error<reply> suspend_instances(api& with, const api_request& request);
// POST /v1/instances/templates
answer_or_error<reply> convert_instances(api& with, const api_request& request);
answer_or_error<reply> delete_instances(api& with, const api_request& request);
answer_or_error<reply> wait_for_instances(api& with, const api_request& request);
answer_or_error<reply> read_history(api& with, const api_request& request);
answer_or_error<reply> read_metrics(api& with, const api_request& request);

}  // namespace platen::http
