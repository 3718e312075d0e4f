#include "tools/platen/remote_log.hpp"

#include "store/record_check.hpp"
#include "tools/platen/base64.hpp"

namespace platen::cli {

namespace {

// The daemon ends a feed it cannot read on with {"error": {"message": ..., "sequence": ...}}.
store::error error_in(const json& line) {
  const auto& why = line.value("error", json::object());
  return {store::error::kind::corrupt, why.value("message", std::string("a line without a record")),
          why.value("sequence", std::uint64_t{0})};
}

store::result<events::envelope> checked(store::chain_check& chain, const std::string& text) {
  const auto line = json::parse(text, nullptr, false);
  if (!line.is_object() || !line.contains("record") || !line["record"].is_string())
    return tl::unexpected(error_in(line.is_object() ? line : json::object()));
  const auto record = from_base64(line["record"].get<std::string>());
  if (!record) return store::corrupt(chain.last().sequence + 1, "its record is not base64");
  return chain.next(line.value("sequence", std::uint64_t{0}), *record);
}

}  // namespace

// The chain is followed from its beginning, whatever part of it is wanted.
store::result<void> remote_log::read_all(std::uint64_t after_sequence, const visitor& visit) const {
  store::chain_check chain{store::head{}};
  store::result<void> outcome;
  const auto each = [&](const std::string& line) {
    const auto event = checked(chain, line);
    if (!event) {
      outcome = tl::unexpected(event.error());
      return false;
    }
    return event->sequence <= after_sequence || visit(*event);
  };
  const auto read = api_.lines("/v1/events", {{"records", "true"}}, each);
  newest_ = chain.last();
  if (outcome && !read)
    return tl::unexpected(store::error{store::error::kind::io, read.error().message});
  return outcome;
}

store::result<void> remote_log::read_stream(const std::string& stream, std::uint64_t after_version,
                                            const visitor& visit) const {
  return read_all(0, [&](const events::envelope& event) {
    return event.stream != stream || event.version <= after_version || visit(event);
  });
}

void remote_log::append(store::append_request, append_callback done) {
  done(tl::unexpected(
      store::error{store::error::kind::closed, "the log is read only through the API"}));
}

}  // namespace platen::cli
