// POST /v1/images/import: a tar archive becomes an image.
#pragma once

#include <string_view>

#include "http/routes/api.hpp"

namespace platen::http {

inline constexpr std::string_view image_import_path = "/v1/images/import";

// Writes the body to disk as it comes, then imports it.
answer_or_error<reply> import_image(api& with, const httplib::Request& request,
                                    const httplib::ContentReader& body);

}  // namespace platen::http
