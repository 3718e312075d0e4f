#include "http/routes/audit_feed.hpp"

#include <vector>

namespace platen::http {
namespace {

constexpr std::size_t batch_events = 256;
constexpr std::size_t batch_bytes = 1024 * 1024;
// So that a feed that passes everything over still notices in time that nobody wants it any more.
constexpr std::size_t batch_visits = 4096;

constexpr std::string_view instance_prefix = "instance/";
constexpr std::string_view template_prefix = "template/";

std::string_view uuid_in(std::string_view stream) {
  return stream.substr(stream.find('/') + 1);
}

// `id` is where a client that comes back goes on; 0: there is more of the same event.
std::string sent_event(std::uint64_t id, std::string_view type, const json_object& data) {
  std::string text;
  if (id != 0) text += "id: " + std::to_string(id) + "\n";
  text += "event: " + std::string(type) + "\n";
  text += "data: " + data.dump(-1, ' ', false, json_object::error_handler_t::replace) + "\n\n";
  return text;
}

}  // namespace

audit_feed::audit_feed(store::event_log& log, audit_wish wish)
    : log_(log), wish_(std::move(wish)), news_(log) {}

bool audit_feed::wants_stream(const std::string& stream) const {
  const bool of_entity = stream.starts_with(instance_prefix) || stream.starts_with(template_prefix);
  return of_entity && (wish_.uuids.empty() || wish_.uuids.contains(uuid_in(stream)));
}

std::string audit_feed::next() {
  news_.expect();
  std::vector<events::envelope> batch;
  std::size_t bytes = 0;
  std::size_t visits = 0;
  caught_up_ = true;
  const auto read =
      log_.read_records(wish_.after, [&](const events::envelope& event, std::string_view record) {
        wish_.after = event.sequence;
        if (wants_stream(event.stream)) {
          batch.push_back(event);
          bytes += record.size();
        }
        caught_up_ = batch.size() < batch_events && bytes < batch_bytes && ++visits < batch_visits;
        return caught_up_;
      });
  std::string text;
  for (const auto& event : batch)
    text += told_of(event);
  if (!read) text += gap(read.error());
  return text;
}

// What is asked for cannot be read: the stream goes on with what happens from now on.
std::string audit_feed::gap(const store::error& why) {
  const auto newest = log_.newest().sequence;
  json_object data{{"dropped", newest - std::min(newest, wish_.after)}};
  data["after"] = wish_.after;
  data["reason"] = why.message;
  wish_.after = newest;
  return sent_event(newest, "gap", data);
}

std::string audit_feed::told_of(const events::envelope& event) {
  return event.stream.starts_with(instance_prefix) ? told_of(instances_, event)
                                                   : told_of(templates_, event);
}

template <class Audited>
std::string audit_feed::told_of(memory<Audited>& known, const events::envelope& event) {
  const auto was = before(known, event);
  auto is = evolve(was, event);
  std::vector<audit_document> wanted;
  for (auto& one : documents_of(was, is, event))
    if (wish_.types.empty() || wish_.types.contains(one.type)) wanted.push_back(std::move(one));
  std::string text;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool last = i + 1 == wanted.size();
    text += sent_event(last ? event.sequence : 0, wanted[i].type, wanted[i].body);
  }
  if (known.size() >= remembered_entities) known.clear();
  known.insert_or_assign(event.stream, std::move(is));
  return text;
}

// The entity as it was before `event`; as much of it as can be read.
template <class Audited>
Audited audit_feed::before(memory<Audited>& known, const events::envelope& event) const {
  Audited entity;
  entity.now.id = uuid_in(event.stream);
  if (const auto found = known.find(event.stream);
      found != known.end() && found->second.now.version < event.version)
    entity = found->second;
  [[maybe_unused]] const auto read =
      log_.read_stream(event.stream, entity.now.version, [&](const events::envelope& earlier) {
        if (earlier.version >= event.version) return false;
        entity = evolve(std::move(entity), earlier);
        return true;
      });
  return entity;
}

}  // namespace platen::http
