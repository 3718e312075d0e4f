// The sentences: what an event says about the entity it happened to, without the entity's name and
// without a full stop. Pure; one file a kind of stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/platen/log/narrator.hpp"

namespace platen::cli {

struct told {
  std::string text;
  std::optional<std::int64_t> took_us = {};  // the stage that this event ended
  std::string console_tail = {};
};

// Moments before the scene's event, where the narrator knows them.
struct memory {
  std::optional<std::int64_t> preparing_since_us;  // of the template concerned
  std::optional<std::int64_t> granted_us;          // of the clone concerned
  std::optional<std::int64_t> request_began_us;
};

// Nothing for events that do not belong to such a stream.
std::optional<told> template_words(const scene& at, const memory& earlier);
std::optional<told> instance_words(const scene& at, const memory& earlier);
std::optional<told> service_words(const scene& at, const memory& earlier);
std::optional<told> system_words(const scene& at, const memory& earlier);

// "by token-3f (api, request 6f2…)", "by the guest for request 6f2…", "at the daemon's start".
std::string caused_by(const events::cause& why);

// Never negative: the clock may have jumped back.
std::int64_t span_us(std::int64_t from_us, std::int64_t to_us);

}  // namespace platen::cli
