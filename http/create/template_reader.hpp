// The member `template` of a create request.
#pragma once

#include "http/create/create_reader.hpp"
#include "http/request/object_reader.hpp"

namespace platen::http {

// Sets into.wish.from, into.template_roms and warnings; problems are reported to the reader.
void read_template(object_reader& instance, create_request& into);

// Reports the members that a clone has from its template and cannot be given.
void refuse_frozen_parts(object_reader& reader);

}  // namespace platen::http
