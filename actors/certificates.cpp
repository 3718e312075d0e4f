#include "actors/certificates.hpp"

#include <algorithm>
#include <tuple>

#include "store/append_and_wait.hpp"

namespace platen::actors {

using kind = rejection::kind;

tl::expected<std::unique_ptr<certificate_book>, std::string> certificate_book::open(
    store::event_log& log, std::function<std::int64_t()> now_us) {
  std::unique_ptr<certificate_book> made(new certificate_book(log, std::move(now_us)));
  const auto read = log.read_stream(certificate_stream, 0, [&](const events::envelope& event) {
    made->apply(event.what, event.time_us);
    made->version_ = event.version;
    return true;
  });
  if (!read) return tl::unexpected("the certificates' events: " + read.error().message);
  return made;
}

void certificate_book::apply(const events::event& what, std::int64_t time_us) {
  if (const auto* added = std::get_if<events::certificate_added>(&what))
    certificates_[added->id] =
        std::make_shared<const certificate>(certificate{*added, time_us, added->id, added->name});
  else if (const auto* gone = std::get_if<events::certificate_deleted>(&what))
    certificates_.erase(gone->id);
}

tl::expected<void, rejection> certificate_book::append(events::event what, events::cause why) {
  const auto now_us = now_us_();
  const auto done =
      store::append_and_wait(log_, {certificate_stream, version_, std::move(why), now_us, {what}});
  if (!done) return refuse(kind::unavailable, "the event log refused: " + done.error().message);
  version_ = done->version;
  apply(what, now_us);
  return {};
}

tl::expected<certificate_ptr, rejection> certificate_book::add(events::certificate_added facts,
                                                               events::cause why) {
  std::unique_lock guard(mutex_);
  if (certificates_.size() >= certificates_limit)
    return refuse(kind::quota, "there are already " + std::to_string(certificates_limit) +
                                   " certificates, the limit: delete one");
  for (const auto& [id, one] : certificates_)
    if (one->name == facts.name)
      return refuse(kind::name_taken,
                    "A certificate with the name '" + facts.name + "' already exists");
  const auto id = facts.id;
  why.command = "add";
  if (auto done = append(std::move(facts), std::move(why)); !done)
    return tl::make_unexpected(done.error());
  auto made = certificates_.at(id);
  const auto tell = tell_;
  guard.unlock();
  if (tell) tell();
  return made;
}

tl::expected<certificate_ptr, rejection> certificate_book::remove(const std::string& id,
                                                                  events::cause why) {
  std::unique_lock guard(mutex_);
  const auto found = certificates_.find(id);
  if (found == certificates_.end())
    return refuse(kind::not_found, "No certificate with uuid '" + id + "'");
  const auto before = found->second;
  events::certificate_deleted gone;
  gone.id = id;
  why.command = "remove";
  if (auto done = append(std::move(gone), std::move(why)); !done)
    return tl::make_unexpected(done.error());
  const auto tell = tell_;
  guard.unlock();
  if (tell) tell();
  return before;
}

certificate_ptr certificate_book::by_id(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  const auto found = certificates_.find(id);
  return found == certificates_.end() ? nullptr : found->second;
}

certificate_ptr certificate_book::by_name(const std::string& name) const {
  const std::lock_guard guard(mutex_);
  for (const auto& [id, one] : certificates_)
    if (one->name == name) return one;
  return nullptr;
}

std::vector<certificate_ptr> certificate_book::all() const {
  std::vector<certificate_ptr> made;
  {
    const std::lock_guard guard(mutex_);
    for (const auto& [id, one] : certificates_)
      made.push_back(one);
  }
  std::sort(made.begin(), made.end(), [](const auto& a, const auto& b) {
    return std::tie(a->created_us, a->id) < std::tie(b->created_us, b->id);
  });
  return made;
}

void certificate_book::on_change(std::function<void()> tell) {
  const std::lock_guard guard(mutex_);
  tell_ = std::move(tell);
}

}  // namespace platen::actors
