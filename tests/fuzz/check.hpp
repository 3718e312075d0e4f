// What a fuzz target promises about its input, beyond not crashing.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace platen::fuzz {

// Ends the process where it is broken, so that the fuzzer keeps the input.
inline void expect(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace platen::fuzz
