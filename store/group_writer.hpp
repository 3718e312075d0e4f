// The writer of a log: a thread that turns everything that waits into one synced batch, again and
// again. Private to store/.
#pragma once

#include <thread>

#include "store/append_queue.hpp"
#include "store/database.hpp"
#include "store/recovery.hpp"
#include "store/sequencer.hpp"
#include "store/subscribers.hpp"

namespace platen::store {

class group_writer {
 public:
  // Begins after what was recovered. `db` and `listeners` outlive the writer.
  group_writer(const database& db, subscribers& listeners, const recovered& from,
               const rocksdb_log_options& how);
  ~group_writer();

  void append(append_request request, event_log::append_callback done);
  head newest() const;

  // Writes what is queued and joins the thread.
  void close();

 private:
  using group = std::vector<queued_append>;

  void run();
  void commit(group& members);
  void fail(group& members, const error& why);
  void reached(commit_stage stage) const;

  const database& db_;
  subscribers& listeners_;
  sequencer sequencer_;  // the writer's thread only
  append_queue queue_;
  std::function<void(const error&)> failure_;
  commit_watcher watch_;

  mutable std::mutex newest_mutex_;
  head newest_;

  std::thread thread_;
};

}  // namespace platen::store
