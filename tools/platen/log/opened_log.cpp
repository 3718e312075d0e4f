#include "tools/platen/log/opened_log.hpp"

#include <iostream>

#include "tools/platen/log_source.hpp"

namespace platen::cli {

result<spool> open_spool(const context& ctx) {
  const auto log = open_log(ctx);
  if (!log) return tl::unexpected(log.error());
  auto copy = spool::of(**log);
  if (copy && copy->size() != 0 && copy->sequence_at(0) != 1)
    std::cerr << "platen: this log begins at sequence " << copy->sequence_at(0)
              << "; what is told of entities that are older is incomplete\n";
  return copy;
}

}  // namespace platen::cli
