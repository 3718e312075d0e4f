// The log a command is to look at, opened and copied for walking.
#pragma once

#include "tools/platen/context.hpp"
#include "tools/platen/log/name_book.hpp"
#include "tools/platen/log/spool.hpp"

namespace platen::cli {

// Says on stderr if the log does not begin at its beginning, so that what is folded from it is not
// the whole truth.
result<spool> open_spool(const context& ctx);

}  // namespace platen::cli
