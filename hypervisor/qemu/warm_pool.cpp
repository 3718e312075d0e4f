#include "hypervisor/qemu/warm_pool.hpp"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <exception>

#include "hypervisor/qemu/host_memory.hpp"
#include "hypervisor/qemu/migration.hpp"

namespace platen::hypervisor::qemu {

namespace {

// Until the first of a snapshot was measured; most of it is QEMU itself.
constexpr std::uint64_t assumed_bytes = 64ull << 20;
constexpr std::chrono::seconds hold_after_pressure{60};

std::shared_ptr<asio::posix::stream_descriptor> watch_of(asio::io_context& io, const process& of) {
  return std::make_shared<asio::posix::stream_descriptor>(io,
                                                          ::fcntl(of.pidfd(), F_DUPFD_CLOEXEC, 0));
}

}  // namespace

warm_pool::warm_pool(vm_host& host) : host_(host), news_(host.io) {
  status_.limit_bytes = host.options.warm_pool_bytes;
}

warm_pool::order_in_progress::order_in_progress(std::shared_ptr<warm_pool> pool)
    : pool_(std::move(pool)) {
  ++pool_->orders_;
}

warm_pool::order_in_progress::~order_in_progress() {
  if (pool_ && --pool_->orders_ == 0) pool_->wake();
}

warm_pool::of_snapshot& warm_pool::entry(const std::string& snapshot_id) {
  const auto [found, is_new] = snapshots_.try_emplace(snapshot_id);
  if (is_new) found->second.bytes_each = assumed_bytes;
  return found->second;
}

void warm_pool::note_made(const std::string& snapshot_id) {
  if (!is_on()) return;
  entry(snapshot_id).demand.note_order(clock::now());
  wake();
}

std::unique_ptr<warm_clone> warm_pool::take(const std::string& snapshot_id) {
  if (!is_on()) return nullptr;
  auto& of = entry(snapshot_id);
  of.demand.note_order(clock::now());
  wake();
  if (of.ready.empty()) {
    ++of.missed;
    return nullptr;
  }
  auto first = std::move(of.ready.front());
  of.ready.pop_front();
  boost::system::error_code ignored;
  first.end->cancel(ignored);
  ++of.taken;
  return std::move(first.clone);
}

void warm_pool::note_outcome(const std::string& snapshot_id,
                             const std::optional<std::string>& failure) {
  const auto found = snapshots_.find(snapshot_id);
  if (found == snapshots_.end()) return;
  auto& of = found->second;
  if (!failure) {
    of.failures_in_a_row = 0;
    return;
  }
  --of.taken;
  ++of.missed;
  note_failure(of, *failure);
}

void warm_pool::note_failure(of_snapshot& of, std::string reason) {
  ++of.failed;
  ++of.failures_in_a_row;
  of.not_before = clock::now() + pause_after_failures(of.failures_in_a_row);
  of.last_failure = std::move(reason);
  wake();
}

void warm_pool::discard(std::unique_ptr<warm_clone> clone) {
  asio::co_spawn(host_.io, end(std::move(clone)), asio::detached);
}

task<void> warm_pool::end(std::unique_ptr<warm_clone> clone) {
  const auto self = shared_from_this();
  const auto& qemu = clone->vm.qemu;
  const auto gone = watch_of(host_.io, qemu);
  qemu.signal(SIGKILL);
  co_await gone->async_wait(descriptor::wait_read, as_result);
  qemu.collect();
  auto remove = [path = clone->path] {
    std::error_code ignored;
    return std::filesystem::remove_all(path, ignored);
  };
  co_await on_pool(host_.slow_pool, std::move(remove));
}

void warm_pool::forget(const std::string& snapshot_id) {
  const auto found = snapshots_.find(snapshot_id);
  if (found == snapshots_.end()) return;
  for (auto& waiting : found->second.ready)
    discard(std::move(waiting.clone));
  snapshots_.erase(found);
  wake();
}

void warm_pool::end_all() {
  for (auto& [id, of] : snapshots_) {
    for (auto& waiting : of.ready)
      discard(std::move(waiting.clone));
    of.ready.clear();
  }
  ++times_ended_;
  wake();
}

void warm_pool::give_back(std::string reason) {
  end_all();
  held_until_ = clock::now() + hold_after_pressure;
  held_back_ = std::move(reason);
}

task<void> warm_pool::run() {
  if (!is_on()) co_return;
  const auto self = shared_from_this();
  asio::co_spawn(host_.io, watch_pressure(), asio::detached);
  for (;;) {
    woken_ = false;
    next_look_ = clock::time_point::max();
    divide_memory();
    end_surplus();
    const auto next = next_to_fill();
    if (next) filling_ = *next;
    publish();
    if (next)
      co_await fill(*next);
    else
      co_await wait_for_news();
    filling_.clear();
  }
}

void warm_pool::look_again_at(clock::time_point when) {
  next_look_ = std::min(next_look_, when);
}

void warm_pool::divide_memory() {
  const auto now = clock::now();
  const auto limit = host_.options.warm_pool_per_snapshot;
  std::vector<pool_candidate> candidates;
  for (const auto& [id, of] : snapshots_) {
    candidates.push_back({of.demand.at(now), of.demand.wanted(now, limit), of.ready.size(),
                          std::max<std::uint64_t>(of.bytes_each, 1)});
    if (const auto less = of.demand.next_decrease(now, limit)) look_again_at(*less);
  }
  const auto shares = share_out(candidates, host_.options.warm_pool_bytes);
  auto share = shares.begin();
  for (auto& [id, of] : snapshots_)
    of.share = *share++;
}

void warm_pool::end_surplus() {
  for (auto& [id, of] : snapshots_)
    for (; of.ready.size() > of.share; of.ready.pop_front())
      discard(std::move(of.ready.front().clone));
}

bool warm_pool::memory_is_short() {
  const auto now = clock::now();
  const auto available = available_memory();
  if (now >= held_until_ && available && *available < host_.options.warm_pool_reserve_bytes)
    give_back("less memory is available than the reserve that the pool leaves to others");
  if (now >= held_until_) held_back_.clear();
  if (!held_back_.empty()) look_again_at(held_until_);
  return !held_back_.empty();
}

std::optional<std::string> warm_pool::next_to_fill() {
  if (memory_is_short() || orders_ > 0) return std::nullopt;
  const auto now = clock::now();
  const std::pair<const std::string, of_snapshot>* best = nullptr;
  double best_demand = 0;
  for (const auto& one : snapshots_) {
    const auto& of = one.second;
    if (of.ready.size() >= of.share) continue;
    if (now < of.not_before) {
      look_again_at(of.not_before);
      continue;
    }
    const double demand = of.demand.at(now) / static_cast<double>(of.ready.size() + 1);
    if (best != nullptr && demand <= best_demand) continue;
    best = &one;
    best_demand = demand;
  }
  if (best == nullptr) return std::nullopt;
  return best->first;
}

// A snapshot that is gone or damaged is forgotten until somebody orders a clone of it again.
void warm_pool::note_unmade(const std::string& snapshot_id, const failure& why) {
  if (why.snapshot_damaged) return forget(snapshot_id);
  const auto found = snapshots_.find(snapshot_id);
  if (found != snapshots_.end()) note_failure(found->second, why.reason);
}

task<void> warm_pool::fill(std::string snapshot_id) {
  const auto begun = times_ended_;
  tl::expected<std::unique_ptr<warm_clone>, failure> made;
  try {
    made = co_await make_clone(snapshot_id);
  } catch (const std::exception& error) {
    made = qemu::fail(stage::clone, error.what());
  }
  if (!made) {
    note_unmade(snapshot_id, made.error());
    co_return;
  }
  const auto found = snapshots_.find(snapshot_id);
  const bool is_of_no_use_any_more = found == snapshots_.end() || begun != times_ended_;
  if (is_of_no_use_any_more) {
    discard(std::move(*made));
    co_return;
  }
  auto& of = found->second;
  of.bytes_each = (*made)->bytes;
  auto end = watch_of(host_.io, (*made)->vm.qemu);
  of.ready.push_back({std::move(*made), end});
  asio::co_spawn(host_.io, watch_end(std::move(snapshot_id), std::move(end)), asio::detached);
}

task<tl::expected<std::unique_ptr<warm_clone>, failure>> warm_pool::make_clone(
    std::string snapshot_id) {
  auto launch = [this, snapshot_id] { return launch_warm(host_, snapshot_id); };
  auto launched = co_await on_pool(host_.slow_pool, std::move(launch));
  if (!launched) co_return tl::unexpected(launched.error());
  auto path = host_.pool_folder / directory_name(launched->vm.record.vm);
  std::unique_ptr<warm_clone> clone(new warm_clone{
      snapshot_id, std::move(path), std::move(launched->vm),
      qmp_client(host_.io, host_.options.qmp_limit), agent_client(host_.io), false, 0});
  tl::expected<void, std::string> restored;
  try {
    restored = co_await restore(*clone);
    if (restored && launched->waits_in_write) restored = co_await rehearse(*clone);
  } catch (const std::exception& error) {
    restored = tl::unexpected(std::string(error.what()));
  }
  if (!restored) {
    discard(std::move(clone));
    co_return qemu::fail(stage::clone, restored.error());
  }
  auto measure = [pid = clone->vm.qemu.pid()] { return proportional_memory(pid); };
  const auto bytes = co_await on_pool(host_.slow_pool, std::move(measure));
  clone->bytes = bytes.value_or(assumed_bytes);
  co_return std::move(clone);
}

task<tl::expected<void, std::string>> warm_pool::restore(warm_clone& clone) {
  const int directory = clone.vm.directory.get();
  auto connected = clone.agent.connect(directory, agent_socket_name);
  if (!connected) co_return connected;
  const auto monitored = co_await clone.qmp.connect(directory, qmp_socket_name);
  if (!monitored) co_return monitored;
  co_return co_await load_saved_state(clone.qmp, clone.vm.state_fd, host_.options.clone_limit);
}

// QEMU translates the code of a guest when it first runs, in each process anew; half of the time
// from an order to the agent's answer was that. So the guest runs until it has answered a greeting.
task<tl::expected<void, std::string>> warm_pool::rehearse(warm_clone& clone) {
  const auto greeted = co_await clone.agent.greet(host_.options.clone_limit);
  if (!greeted) co_return greeted;
  const auto running = co_await clone.qmp.execute("cont");
  if (!running) co_return tl::unexpected(running.error());
  const auto greeting = co_await clone.agent.await_welcome(host_.options.clone_limit);
  if (!greeting) co_return tl::unexpected(greeting.error());
  if (!greeting->has_workload())
    co_return tl::unexpected(std::string("there is no workload in the clone"));
  const auto stopped = co_await clone.qmp.execute("stop");
  if (!stopped) co_return tl::unexpected(stopped.error());
  clone.was_greeted = true;
  co_return tl::expected<void, std::string>{};
}

// Its end before its order: it is replaced, after a pause that grows.
task<void> warm_pool::watch_end(std::string snapshot_id, std::shared_ptr<descriptor> end) {
  const auto self = shared_from_this();
  co_await end->async_wait(descriptor::wait_read, as_result);
  const auto found = snapshots_.find(snapshot_id);
  if (found == snapshots_.end()) co_return;
  auto& of = found->second;
  const auto waiting = std::find_if(of.ready.begin(), of.ready.end(),
                                    [&](const waiting_clone& one) { return one.end == end; });
  if (waiting == of.ready.end()) co_return;
  discard(std::move(waiting->clone));
  of.ready.erase(waiting);
  note_failure(of, "QEMU ended while the clone waited for its order");
}

task<void> warm_pool::watch_pressure() {
  const auto self = shared_from_this();
  auto trigger = open_memory_pressure();
  // Without it the memory that is available is looked at whenever the pool changes.
  if (!trigger) co_return;
  descriptor pressure(host_.io, ::fcntl(trigger->get(), F_DUPFD_CLOEXEC, 0));
  for (;;) {
    const auto [error] = co_await pressure.async_wait(descriptor::wait_error, as_result);
    if (error) co_return;
    give_back("programs on this host waited for memory");
  }
}

void warm_pool::close() {
  is_closed_ = true;
  snapshots_.clear();
}

task<void> warm_pool::wait_for_news() {
  if (woken_) co_return;
  news_.expires_at(next_look_);
  co_await news_.async_wait(as_result);
}

void warm_pool::wake() {
  if (is_closed_) return;
  woken_ = true;
  news_.cancel();
}

void warm_pool::publish() {
  warm_pool_status now;
  now.limit_bytes = host_.options.warm_pool_bytes;
  now.held_back = held_back_;
  for (const auto& [id, of] : snapshots_) {
    warm_clones one;
    one.snapshot_id = id;
    one.wanted = static_cast<std::uint32_t>(of.share);
    one.ready = static_cast<std::uint32_t>(of.ready.size());
    one.filling = id == filling_ ? 1 : 0;
    one.taken = of.taken;
    one.missed = of.missed;
    one.failed = of.failed;
    one.last_failure = of.last_failure;
    for (const auto& waiting : of.ready)
      one.bytes += waiting.clone->bytes;
    now.bytes += one.bytes;
    now.snapshots.push_back(std::move(one));
  }
  const std::lock_guard guard(status_mutex_);
  status_ = std::move(now);
}

warm_pool_status warm_pool::status() const {
  const std::lock_guard guard(status_mutex_);
  return status_;
}

}  // namespace platen::hypervisor::qemu
