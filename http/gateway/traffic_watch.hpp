// What follows from the traffic of instances: who is to be woken, who has been idle for long enough
// to sleep, who has served all that it was to serve. Between the gateway's workers, which tell, and
// the feed, which acts. Knows no actors. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "http/gateway/gateway.hpp"

namespace platen::gateway {

// However short its cooldown, one that was woken gets to serve who waits for it.
inline constexpr std::chrono::milliseconds least_awake{250};

// When a running instance is to sleep.
struct sleep_rule {
  std::chrono::milliseconds cooldown{0};
  // Connections that are passed through and silent for the cooldown do not keep it awake.
  bool ignores_silent = false;
  std::chrono::steady_clock::time_point not_before;
  // It is announced so long before, and is shorter than the cooldown.
  std::chrono::milliseconds notice{0};
};

struct watch_rule {
  std::optional<sleep_rule> sleeps;
  std::uint64_t most_requests = 0;  // 0: any number
  bool drains = false;              // who watches is told when its last request has ended
};

class traffic_watch : public std::enable_shared_from_this<traffic_watch> {
 public:
  using clock = std::chrono::steady_clock;
  using load_source = std::function<std::vector<load>()>;

  // For the gateway's options. They keep the watch alive.
  hooks make_hooks();

  // ---- for the feed --------------------------------------------------------------------------

  struct work {
    bool ending = false;
    bool changed = false;                       // notify() was called
    std::map<std::string, bool> wanted_groups;  // true: it has instances, but they are crowded
    std::vector<std::string> answered;          // see settle()
    // A sleep that was announced does not come: each once.
    std::vector<std::string> called_off;
  };
  // Blocks until there is something to do, somebody's time to sleep may have come, or `until`.
  work wait(std::optional<clock::time_point> until);
  void notify();
  // The counts of requests are to be looked at.
  void stir();
  void end();
  // The feed's own order for this instance was answered.
  void settle(const std::string& instance_id);

  // All instances to be watched from now on, and the groups in which somebody sleeps. Who is new
  // has been idle from now on, and is left awake for least_awake.
  void keep(const std::map<std::string, watch_rule>& all, std::set<std::string> sleeping_groups,
            clock::time_point now);

  struct verdicts {
    std::vector<std::string> idle;         // for their cooldown
    std::vector<std::string> soon_asleep;  // their sleep is to be announced now
  };
  verdicts look(clock::time_point now, const load_source& loads);
  // Whether it still is; asked again when nothing new is sent to it any more.
  bool is_idle(const std::string& instance_id, clock::time_point now, const load_source& loads);
  // It was not after all, or could not sleep: its time begins anew.
  void restart(const std::string& instance_id, clock::time_point now);
  // Instances that have served all they were to serve, none of it in flight, with how many.
  std::vector<std::pair<std::string, std::uint64_t>> used_up(const load_source& loads) const;

 private:
  struct entry {
    watch_rule rule;
    clock::time_point idle_since;
    std::optional<clock::time_point> due;  // absent: not before its last request has ended
    std::optional<clock::time_point> announced;
  };
  enum class verdict { awake, announce, announced, sleep };

  void want(const std::string& group_id, bool crowded);
  void activity(const std::string& instance_id, bool busy);

  // What its traffic says; if it does not sleep now, when to look again is set, if it is not the
  // end of its last request.
  static verdict judge(entry& of, const load* found, clock::time_point now);
  static verdict judge_idle(entry& of, clock::time_point sleeps_at, clock::time_point now);
  static void look_before(entry& of, clock::time_point sleeps_at);
  void call_off(const std::string& instance_id, entry& of);
  std::optional<clock::time_point> next_due() const;

  mutable std::mutex mutex_;
  std::condition_variable told_;
  work open_;
  bool stirred_ = false;  // some due time was set
  std::map<std::string, entry> watched_;
  std::set<std::string> sleeping_groups_;
};

}  // namespace platen::gateway
