// A file system that stops in the middle, forgets what was not synced, or fails to sync.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>

namespace platen::store::testing {

// What becomes of unsynced bytes when the machine loses power.
enum class loss {
  everything_unsynced,  // bytes, new files, renames and new directories
  torn_tails,           // of unsynced bytes a random prefix stays; names stay
  nothing               // as when only the process was killed
};

// A disk that says no.
struct disk_fault {
  enum class operation { write, sync };  // of a file's bytes, or of a file
  enum class reason { io_error, no_space };
  enum class duration { once, for_good };

  operation on = operation::write;
  reason why = reason::io_error;
  duration lasting = duration::once;
};

// Wraps the real file system for the files of one test. Syncing is remembered, not done, which
// makes it fast. Operations that change files are counted, from 1. Thread-safe.
class faulty_file_system final : public rocksdb::FileSystemWrapper {
 public:
  faulty_file_system() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  static const char* kClassName() { return "faulty_file_system"; }
  const char* Name() const override { return kClassName(); }

  // The operation with this number and all later ones fail and change nothing.
  void crash_at(std::uint64_t operation);

  // The operation with this number fails and changes nothing; the later ones work.
  void fail_once_at(std::uint64_t operation);

  // The write or sync with this number (from 1, each counted by itself) fails and changes nothing,
  // alone or with all that follow.
  void fail_at(std::uint64_t number, disk_fault how);

  std::uint64_t writes() const;
  std::uint64_t syncs() const;

  // While on, every sync of a file fails.
  void fail_syncs(bool on);

  std::uint64_t operations() const;

  // What the disk holds after the power came back. No file may be open any more.
  void lose(loss what, std::mt19937& random);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDir(const std::string& path, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& path, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

  // For the files and directories it hands out.
  rocksdb::IOStatus step();
  rocksdb::IOStatus write_step();
  rocksdb::IOStatus sync(const std::string& path);
  void appended(const std::string& path, std::size_t bytes);
  void truncated(const std::string& path, std::uint64_t size);
  void directory_synced(const std::string& path);

 private:
  struct file {
    std::uint64_t written = 0;
    std::uint64_t synced = 0;
  };
  struct rename {
    std::string from;
    std::string to;
    std::optional<std::string> replaced;  // the content `to` had before
  };

  void forget_names();
  rocksdb::IOStatus faulty(disk_fault::operation on, std::uint64_t number) const;

  mutable std::mutex mutex_;
  std::map<std::string, file> files_;
  std::set<std::string> unsynced_names_;  // created, and their directory not synced since
  std::vector<rename> unsynced_renames_;
  std::uint64_t operations_ = 0;
  std::uint64_t crash_at_ = 0;
  std::uint64_t fail_once_at_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t fault_at_ = 0;
  disk_fault fault_;
  bool fail_syncs_ = false;
};

// An environment on top of it.
std::unique_ptr<rocksdb::Env> environment(const std::shared_ptr<faulty_file_system>& files);

}  // namespace platen::store::testing
