// What `platen replay` can do beside showing one state; each is a file of its own.
#pragma once

#include <string>

#include "tools/platen/context.hpp"

namespace platen::cli {

// --step: commands from `script`, separated by ';', or if it is empty from standard input. `at` is
// where it begins; empty: before the first event.
result<void> replay_step(const context& ctx, const std::string& at, const std::string& script);

// --hashes: a line for each event that has a state, up to `at` (empty: all).
result<void> replay_hashes(const context& ctx, const std::string& at);

// --check
result<void> replay_check(const context& ctx);

// --against: `other` is the program to compare with.
result<void> replay_against(const context& ctx, const std::string& other);

}  // namespace platen::cli
