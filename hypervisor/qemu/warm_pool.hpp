// Clones that are restored and paused before anybody orders them: which there are, which are made
// next, who gets one. A cache: whatever goes wrong here, an order is carried out without it.
// On the driver's thread only, except status().
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "hypervisor/qemu/vm_host.hpp"
#include "hypervisor/qemu/warm_clone.hpp"
#include "hypervisor/qemu/warm_policy.hpp"

namespace platen::hypervisor::qemu {

class warm_pool : public std::enable_shared_from_this<warm_pool> {
 public:
  explicit warm_pool(vm_host& host);

  // Makes clones, one at a time and only while no order is being carried out, until the driver's
  // loop ends. Returns at once if the pool is off.
  task<void> run();

  // While one of these is held, nothing is added to the pool.
  class order_in_progress {
   public:
    explicit order_in_progress(std::shared_ptr<warm_pool> pool);
    order_in_progress(order_in_progress&&) noexcept = default;
    order_in_progress& operator=(order_in_progress&&) = delete;
    ~order_in_progress();

   private:
    std::shared_ptr<warm_pool> pool_;
  };
  order_in_progress order_begins() { return order_in_progress(shared_from_this()); }

  // A new snapshot is about to be cloned, or why was it made.
  void note_made(const std::string& snapshot_id);
  // Counts an order of a clone, and gives the one that has waited longest; null if none is ready.
  std::unique_ptr<warm_clone> take(const std::string& snapshot_id);
  // What came of the clone that was taken: nothing if it runs, else why it was of no use.
  void note_outcome(const std::string& snapshot_id, const std::optional<std::string>& failure);
  // Ends a clone and deletes its directory, in the background.
  void discard(std::unique_ptr<warm_clone> clone);
  // The snapshot is gone, and with it all clones that waited for orders of it.
  void forget(const std::string& snapshot_id);
  // Ends all that wait.
  void end_all();
  // The same, and for a minute adds none.
  void give_back(std::string reason);

  warm_pool_status status() const;

  // Once the driver's loop has ended: lets go of all processes without ending them.
  void close();

 private:
  using clock = std::chrono::steady_clock;
  using descriptor = asio::posix::stream_descriptor;

  struct waiting_clone {
    std::unique_ptr<warm_clone> clone;
    std::shared_ptr<descriptor> end;  // of its process
  };
  struct of_snapshot {
    order_demand demand;
    std::deque<waiting_clone> ready;  // the oldest first
    std::size_t share = 0;            // of those wanted, what the memory suffices for
    std::uint64_t bytes_each = 0;
    std::size_t failures_in_a_row = 0;
    clock::time_point not_before{};
    std::uint64_t taken = 0;
    std::uint64_t missed = 0;
    std::uint64_t failed = 0;
    std::string last_failure;
  };

  bool is_on() const { return host_.options.warm_pool_bytes > 0; }
  of_snapshot& entry(const std::string& snapshot_id);
  void divide_memory();
  void end_surplus();
  bool memory_is_short();
  std::optional<std::string> next_to_fill();
  void look_again_at(clock::time_point when);
  task<void> fill(std::string snapshot_id);
  task<tl::expected<std::unique_ptr<warm_clone>, failure>> make_clone(std::string snapshot_id);
  task<tl::expected<void, std::string>> restore(warm_clone& clone);
  task<tl::expected<void, std::string>> rehearse(warm_clone& clone);
  task<void> watch_end(std::string snapshot_id, std::shared_ptr<descriptor> end);
  task<void> watch_pressure();
  task<void> end(std::unique_ptr<warm_clone> clone);
  void note_failure(of_snapshot& of, std::string reason);
  void note_unmade(const std::string& snapshot_id, const failure& why);
  task<void> wait_for_news();
  void wake();
  void publish();

  vm_host& host_;
  std::map<std::string, of_snapshot> snapshots_;
  std::string filling_;  // the snapshot a clone is being made of; empty: none
  std::size_t orders_ = 0;
  std::uint64_t times_ended_ = 0;  // end_all() calls
  clock::time_point held_until_{};
  std::string held_back_;
  asio::steady_timer news_;
  bool woken_ = false;
  bool is_closed_ = false;
  clock::time_point next_look_ = clock::time_point::max();

  mutable std::mutex status_mutex_;
  warm_pool_status status_;
};

}  // namespace platen::hypervisor::qemu
