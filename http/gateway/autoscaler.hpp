// Autoscale's hands and eyes: shows each service group that has autoscale what its traffic is, and
// makes and ends the instances that the group has decided on. The decisions are in the group's log
// (actors/service/autoscale.hpp); after a restart what is not done yet is done here.
//
// A thread of its own, which sleeps while no group has autoscale. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "actors/control_plane.hpp"
#include "http/gateway/gateway.hpp"

namespace platen::gateway {

struct autoscaler_options {
  std::chrono::milliseconds interval{1000};  // between two looks at the traffic
};

class autoscaler {
 public:
  using clock = std::chrono::steady_clock;

  // `control` must outlive it. Nothing is done before begin().
  explicit autoscaler(actors::control_plane& control, autoscaler_options how = {});
  ~autoscaler();
  autoscaler(const autoscaler&) = delete;
  autoscaler& operator=(const autoscaler&) = delete;

  // Once, before the first note_change(). `loads` is gateway::loads, which must outlive it, too.
  void begin(std::function<std::vector<load>()> loads);

  // A request found no instance of the group that could take it. False if nothing follows from
  // that, because the group had no autoscale at the last note_change(). Never blocks.
  bool note_demand(const std::string& group_id);
  // Service groups or their instances have changed. From one thread at a time.
  void note_change();

 private:
  struct seen_instance {
    std::uint64_t taken = 0;
    clock::time_point busy;  // when it was last seen with something in hand
  };
  // Answers of the control plane come on its threads, perhaps after this object is gone.
  struct inbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> scaled;        // groups that have autoscale
    std::set<std::string> demand;        // groups
    std::set<std::string> being_made;    // instances that were asked for
    std::set<std::string> being_ended;   // instances that are asked to end
    std::set<std::string> being_looked;  // groups that have not answered to the last look
    bool look = true;
    bool ending = false;
  };

  void run();
  bool look();
  void measure(const actors::service_group::state& group, clock::time_point now,
               const std::map<std::string, load>& loads);
  void show_load(const actors::service_group::state& group, clock::time_point now,
                 const std::map<std::string, load>& loads, bool demand);
  void carry_out(const actors::service_group::state& group);
  void make(const actors::service_group::state& group, const std::string& id);
  void end(const actors::service_group::state& group, const std::string& id);

  actors::control_plane& control_;
  const autoscaler_options how_;
  std::shared_ptr<inbox> inbox_ = std::make_shared<inbox>();
  // The thread's own.
  std::function<std::vector<load>()> loads_;
  std::map<std::string, seen_instance> instances_;
  std::map<std::string, std::uint64_t> per_second_;  // requests, by group
  clock::time_point last_look_;
  std::thread thread_;
};

}  // namespace platen::gateway
