// One request of a client and its response, over as many backends as it takes.
#pragma once

#include <string>
#include <vector>

#include "http/gateway/session.hpp"

namespace platen::gateway {

class exchange {
 public:
  explicit exchange(session& of) : of_(of) {}

  awaitable<afterwards> run();

 private:
  // Coroutines here take references and views of what their callers keep: g++ 12 destroys
  // temporaries of an awaited call twice.

  enum class attempt {
    answered,  // or the client is gone, or was told of a fault: it is over
    vanished   // the backend ended its connection before the first byte of an answer
  };

  awaitable<bool> read_head();
  awaitable<void> refuse_head(reader::found_head found);
  awaitable<bool> admit();
  awaitable<bool> keep_body();
  awaitable<void> forward();
  awaitable<void> refuse(const session::found_backend& found, bool after_attempts);
  awaitable<attempt> try_backend(std::unique_ptr<stream>& connection);
  awaitable<void> upload(stream& to);
  awaitable<attempt> respond(stream& backend, reader& from);
  awaitable<int> read_response_head(reader& from, std::string& bytes, response_head& into);
  void end_upload(stream& backend);
  awaitable<bool> send(std::string_view bytes);
  awaitable<void> relay_body(reader& from, std::string& out, bool chunked);
  awaitable<void> answer(int status, std::string_view why, std::string_view extra = {});
  bool replayable() const { return !streaming_ && is_idempotent(head_.method); }

  session& of_;
  std::string head_bytes_;
  request_head head_;
  std::string domain_;
  std::string request_;  // as it goes to a backend: the head, and the body if it is kept

  bool streaming_ = false;      // the body passes through, and so only once
  bool uploading_ = false;      // it has not ended
  bool awaits_client_ = false;  // for a piece of it
  bool reusable_ = false;       // the backend's connection, after the response
  bool again_ = true;           // the client's connection
  bool linger_ = false;
  bool cut_ = false;
};

}  // namespace platen::gateway
