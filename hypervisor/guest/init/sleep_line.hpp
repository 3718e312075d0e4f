// Where the workload hears that it is about to sleep: /run/platen/scale_to_zero, a FIFO of lines.
//
//   scaletozero  it will be put to sleep
//   awake        it was, or it is not after all
//
// Whoever reads it waits without polling; each line goes to one reader. A line that nobody has read
// goes when the next one comes, so a reader that comes late finds at most the newest.
#pragma once

#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

class sleep_line {
 public:
  // Makes the FIFO, which everybody may read. Once, before the workload starts.
  status create();

  // Says it once, until awake() has been said.
  void asleep_soon();
  // Says nothing unless the workload was told that it would sleep.
  void awake();

 private:
  void say(std::string_view line);

  owned_fd fifo_;  // held for reading as well, so that readers see no end of file
  bool told_ = false;
};

}  // namespace platen::guest
