// Appending from code that has nothing else to do meanwhile. Not for actors, nor for callbacks.
#pragma once

#include <future>
#include <memory>

#include "store/event_log.hpp"

namespace platen::store {

// Blocks until the events are durable, or refused.
inline result<appended> append_and_wait(event_log& log, append_request request) {
  const auto promise = std::make_shared<std::promise<result<appended>>>();
  auto outcome = promise->get_future();
  log.append(std::move(request),
             [promise](result<appended> done) { promise->set_value(std::move(done)); });
  return outcome.get();
}

}  // namespace platen::store
