#include "http/connection/engine.hpp"

#include <charconv>

namespace platen::http {
namespace {

std::uint64_t announced_length(const httplib::Request& request) {
  const auto text = request.get_header_value("Content-Length");
  std::uint64_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

}  // namespace

// True if a further request can follow on this connection.
bool engine::serve_request(stream& connection) {
  connection.begin_head();
  bool admitted = false;
  bool client_closes = false;
  std::uint64_t body_length = 0;
  const bool served = process_request(connection, connection.stop_signal().raised(), client_closes,
                                      [&](httplib::Request& request) {
                                        admitted = true;
                                        admit_(request, connection);
                                        body_length = announced_length(request);
                                      });
  const bool sent = connection.send_held();
  // What is left of a head or body would be taken for the next request.
  const bool read_completely = admitted && connection.body_bytes_read() >= body_length;
  return served && sent && read_completely && !client_closes && !connection.closing();
}

void engine::serve(stream& connection) {
  while (connection.await_request() && serve_request(connection)) {
  }
  connection.close_gently();
}

}  // namespace platen::http
