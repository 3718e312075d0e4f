// The files of an archive that were read last, kept open: a client that reads a long history in
// pieces does not pay for the digest of a whole file with each of them. Private to store/.
#pragma once

#include <list>
#include <mutex>

#include "store/segment/segment_reader.hpp"

namespace platen::store {

// Thread-safe. Keeps at most four files open.
class opened_segments {
 public:
  // `env` is not owned; null: the machine's.
  opened_segments(std::string directory, rocksdb::Env* env)
      : directory_(std::move(directory)), env_(env) {}

  const std::string& directory() const { return directory_; }

  // As segment_reader::open. A file whose size or time is not as it was is opened and checked anew,
  // so one that is gone is noticed by the next read.
  result<std::shared_ptr<const segment_reader>> get(const std::string& file_name);

 private:
  struct entry {
    std::string file_name;
    std::uint64_t bytes = 0;
    std::uint64_t changed_s = 0;
    std::shared_ptr<const segment_reader> file;
  };

  std::string path_of(const std::string& file_name) const;
  std::shared_ptr<const segment_reader> find(const entry& wanted);
  void keep(entry opened);

  const std::string directory_;
  rocksdb::Env* const env_;
  std::mutex mutex_;
  std::list<entry> entries_;  // the one used last is in front
};

}  // namespace platen::store
