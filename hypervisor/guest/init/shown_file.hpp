// A file of the agent's that is seen in the place of the image's own.
#pragma once

#include <string>
#include <string_view>

#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

// The folder of the agent's own files, in a tmpfs.
inline constexpr auto own_folder = "/run/platen";

// It lies in a tmpfs, is bound over its target by the first write, and is written in place ever
// after. So a clone renews it by two system calls, and without the root disk's journal, which took
// half the time of a resume under emulation.
class shown_file {
 public:
  shown_file(std::string name, std::string target, unsigned mode)
      : name_(std::move(name)), target_(std::move(target)), mode_(mode) {}

  bool is_shown() const { return file_.is_open(); }
  // Makes the target if it is missing; what else has its name is replaced.
  status write(std::string_view bytes);
  // What is in it now, at most `limit` bytes; whoever may write the target may have changed it.
  std::string content(std::size_t limit) const;

 private:
  status show(std::string_view bytes);
  status put(std::string_view bytes) const;

  std::string name_;
  std::string target_;
  unsigned mode_;
  owned_fd file_;  // open from the first write on
};

}  // namespace platen::guest
