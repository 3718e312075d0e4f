// Runs a helper program of the distribution, without a shell.
#pragma once

#include <chrono>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace platen::hypervisor::images {

// Runs arguments[0], looked up in PATH and then in the folders for system administration (which a
// user's PATH lacks), and waits until it ends. Standard input and output are empty; no descriptor
// is inherited. When `limit` has passed the program is killed. The error is a sentence: what went
// wrong, with the first 2,000 bytes of the program's standard error. Blocking; thread-safe.
tl::expected<void, std::string> run_program(const std::vector<std::string>& arguments,
                                            std::chrono::seconds limit);

}  // namespace platen::hypervisor::images
