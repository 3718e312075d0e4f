// The audit stream for one client: events of the log as documents, in the form of server-sent
// events.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "http/routes/log_news.hpp"
#include "http/view/audit_view.hpp"
#include "store/event_log.hpp"

namespace platen::http {

struct audit_wish {
  std::uint64_t after = 0;
  std::set<std::string, std::less<>> types;  // of audit_types; empty: all
  std::set<std::string, std::less<>> uuids;  // empty: all
};

// Used by one thread; the log tells it of news from another. Keeps the states of at most
// remembered_entities; what it does not remember it folds from the entity's stream.
class audit_feed {
 public:
  static constexpr std::size_t remembered_entities = 256;

  audit_feed(store::event_log& log, audit_wish wish);

  // What comes next, as text/event-stream, from at most 256 events; possibly empty. What cannot be
  // read is passed over with a `gap`.
  std::string next();

  // Everything there was has been read: more comes with news() only. Otherwise call next() again.
  bool caught_up() const { return caught_up_; }

  const log_news& news() const { return news_; }

 private:
  template <class Audited>
  using memory = std::map<std::string, Audited, std::less<>>;

  bool wants_stream(const std::string& stream) const;
  std::string gap(const store::error& why);
  std::string told_of(const events::envelope& event);
  template <class Audited>
  std::string told_of(memory<Audited>& known, const events::envelope& event);
  template <class Audited>
  Audited before(memory<Audited>& known, const events::envelope& event) const;

  store::event_log& log_;
  audit_wish wish_;
  const log_news news_;
  memory<audited_instance> instances_;
  memory<audited_template> templates_;
  bool caught_up_ = false;
};

}  // namespace platen::http
