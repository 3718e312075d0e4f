// A long history of many instances, and how fast a daemon comes back from it.
#pragma once

#include <filesystem>

#include "tools/benchmarks/figures.hpp"

namespace platen::benchmarks {

// Writes `entities` instances with ten events each, then measures: replay with verification of
// the chain, opening, a start that folds everything, writing the state cache, a start from it, and
// the memory that idle entities take in a running control plane.
void measure_history(const std::filesystem::path& directory, std::size_t entities, figures& into);

}  // namespace platen::benchmarks
