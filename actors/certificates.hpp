// What is known of the certificates that clients brought, folded from the stream
// system/certificates. Chains and keys are files and none of this one's business. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "actors/outcome.hpp"
#include "events/envelope.hpp"
#include "store/event_log.hpp"

namespace platen::actors {

inline constexpr const char* certificate_stream = "system/certificates";
inline constexpr std::size_t certificates_limit = 1024;

struct certificate {
  events::certificate_added facts;
  std::int64_t created_us = 0;
  // As those of entities, for what lists them alike.
  std::string id;
  std::string name;
};
using certificate_ptr = std::shared_ptr<const certificate>;

class certificate_book {
 public:
  // Reads the stream. `log` must outlive it.
  static tl::expected<std::unique_ptr<certificate_book>, std::string> open(
      store::event_log& log, std::function<std::int64_t()> now_us);

  // Blocking; durable when they return. Names are unique.
  tl::expected<certificate_ptr, rejection> add(events::certificate_added facts, events::cause why);
  tl::expected<certificate_ptr, rejection> remove(const std::string& id, events::cause why);

  certificate_ptr by_id(const std::string& id) const;
  certificate_ptr by_name(const std::string& name) const;
  // Oldest first.
  std::vector<certificate_ptr> all() const;

  // Called after each change, on its thread; an empty function ends it.
  void on_change(std::function<void()> tell);

 private:
  certificate_book(store::event_log& log, std::function<std::int64_t()> now_us)
      : log_(log), now_us_(std::move(now_us)) {}

  void apply(const events::event& what, std::int64_t time_us);
  tl::expected<void, rejection> append(events::event what, events::cause why);

  store::event_log& log_;
  std::function<std::int64_t()> now_us_;
  mutable std::mutex mutex_;
  std::uint64_t version_ = 0;
  std::map<std::string, certificate_ptr> certificates_;  // by id
  std::function<void()> tell_;
};

}  // namespace platen::actors
