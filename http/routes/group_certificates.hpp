// Certificates that a request names for its domains.
#pragma once

#include <optional>

#include "http/create/service_reader.hpp"
#include "http/routes/api.hpp"

namespace platen::http {

// Puts the certificates' UUIDs into the domains. One that does not exist, or is for other names, is
// a fault.
std::optional<actors::rejection> choose_certificates(const api& with,
                                                     const std::vector<certificate_choice>& choices,
                                                     std::vector<events::domain>& domains);

}  // namespace platen::http
