// A flag that threads can wait for together with sockets: an eventfd.
#pragma once

#include "http/connection/file_descriptor.hpp"

namespace platen::http {

// Thread-safe.
class signal {
 public:
  signal();

  void raise() const;
  void lower() const;
  bool raised() const;

  // Readable while the signal is raised, for poll(). Negative if the system had none to give.
  int descriptor() const { return event_.get(); }

 private:
  file_descriptor event_;
};

}  // namespace platen::http
