// Whole commands through the actors, durable, without HTTP and without VMs.
#pragma once

#include <filesystem>

#include "tools/benchmarks/figures.hpp"

namespace platen::benchmarks {

// Creates instances that are not started, 1 and 64 at a time.
void measure_commands(const std::filesystem::path& directory, figures& into);

}  // namespace platen::benchmarks
