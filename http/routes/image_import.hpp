// POST /v1/images/import: a tar archive becomes an image.
#pragma once

#include <string_view>

#include "http/request/exchange.hpp"
#include "http/routes/api.hpp"

namespace platen::http {

inline constexpr std::string_view image_import_path = "/v1/images/import";

// Writes the body to disk as it comes, then imports it; once, if there is an Idempotency-Key.
rendered_reply import_image(api& with, const exchange& current, const httplib::Request& request,
                            const httplib::ContentReader& body);

}  // namespace platen::http
