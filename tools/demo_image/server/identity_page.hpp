// The document at "/id": everything that must differ between two clones, read anew each time.
#pragma once

#include <string>

namespace platen::demo {

// {"boot_id", "uuid", "urandom", "machine_id", "hostname", "time", "is_clone"}; `time` is a number
// of seconds since 1970, with milliseconds; `uuid` and `urandom` come from the kernel's generator.
std::string identity_document(bool is_clone);

}  // namespace platen::demo
