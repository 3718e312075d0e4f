// What a guest printed, made fit for people and for JSON, and what can be learned from it. The
// guest may print anything; nothing here is trusted further than a sentence in a report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace platen::hypervisor::qemu {

// Valid UTF-8 without control characters, except newlines and tabs; what is not becomes '?'.
std::string clean_text(std::string_view bytes);

struct last_words {
  std::optional<std::int32_t> workload_exit;  // "platen-init: workload exited with code N"
  std::string failure;  // "the guest failed at disk: ...", "the guest's kernel crashed: ..."
};
last_words find_last_words(std::string_view console);

}  // namespace platen::hypervisor::qemu
