#include "tools/platen/remote_log.hpp"

#include "store/record_check.hpp"
#include "tools/platen/base64.hpp"

namespace platen::cli {

namespace {

// The daemon ends a feed it cannot read on with {"error": {"kind": "corrupt" or "io", "message":
// ..., "sequence": ...}}. A line that is neither that nor a record is taken for damage.
store::error error_in(const json& line) {
  const auto& why = line.value("error", json::object());
  using kind = store::error::kind;
  return {why.value("kind", std::string("corrupt")) == "io" ? kind::io : kind::corrupt,
          why.value("message", std::string("a line without a record")),
          why.value("sequence", std::uint64_t{0})};
}

}  // namespace

store::result<std::string> record_in_line(const std::string& text) {
  const auto line = json::parse(text, nullptr, false);
  if (!line.is_object() || !line.contains("record") || !line["record"].is_string())
    return tl::unexpected(error_in(line.is_object() ? line : json::object()));
  auto record = from_base64(line["record"].get<std::string>());
  if (!record)
    return store::corrupt(line.value("sequence", std::uint64_t{0}), "its record is not base64");
  return *std::move(record);
}

// The chain is followed from its beginning, whatever part of it is wanted.
store::result<void> remote_log::read_records(std::uint64_t after_sequence,
                                             const record_visitor& visit) const {
  store::chain_check chain{store::head{}};
  store::result<void> outcome;
  const auto each = [&](const std::string& line) {
    const auto record = record_in_line(line);
    const auto event = record.and_then(
        [&](const auto& bytes) { return chain.next(chain.last().sequence + 1, bytes); });
    if (!event) {
      outcome = tl::unexpected(event.error());
      return false;
    }
    return event->sequence <= after_sequence || visit(*event, *record);
  };
  const auto read = api_.lines("/v1/events", {{"records", "true"}}, each);
  newest_ = chain.last();
  if (outcome && !read)
    return tl::unexpected(store::error{store::error::kind::io, read.error().message});
  return outcome;
}

store::result<void> remote_log::read_stream_records(const std::string& stream,
                                                    std::uint64_t after_version,
                                                    const record_visitor& visit) const {
  return read_records(0, [&](const events::envelope& event, std::string_view record) {
    return event.stream != stream || event.version <= after_version || visit(event, record);
  });
}

void remote_log::append(store::append_request, append_callback done) {
  done(tl::unexpected(
      store::error{store::error::kind::closed, "the log is read only through the API"}));
}

}  // namespace platen::cli
