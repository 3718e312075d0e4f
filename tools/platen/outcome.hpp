// How a command ends: its exit code, and one sentence on stderr if it did not succeed.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace platen::cli {

// Documented in README.md; scripts rely on the numbers.
enum class exit_code : int {
  ok = 0,
  failed = 1,  // the operation was carried out and failed, or was refused
  usage = 2,   // the command line or the request is wrong
  not_found = 3,
  timed_out = 4,
  unreachable = 5,   // no daemon answers there
  unauthorised = 6,  // no token, or not the daemon's
  log_broken = 7     // the event log does not verify
};

struct failure {
  exit_code code = exit_code::failed;
  std::string message;
  std::string console_tail = {};  // shown before the message
};

template <class T>
using result = tl::expected<T, failure>;

inline tl::unexpected<failure> fail(exit_code code, std::string message) {
  return tl::unexpected(failure{code, std::move(message)});
}

}  // namespace platen::cli
