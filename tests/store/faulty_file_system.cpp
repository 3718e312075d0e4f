#include "tests/store/faulty_file_system.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace platen::store::testing {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace {

std::string normal(const std::string& path) {
  auto result = std::filesystem::path(path).lexically_normal();
  return result.has_filename() ? result.string() : result.parent_path().string();
}

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

std::optional<std::string> content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class faulty_file final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  faulty_file(std::unique_ptr<rocksdb::FSWritableFile> real, faulty_file_system& system,
              std::string path)
      : FSWritableFileOwnerWrapper(std::move(real)), system_(system), path_(std::move(path)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    if (auto status = system_.write_step(); !status.ok()) return status;
    auto status = target()->Append(data, options, debug);
    if (status.ok()) status = target()->Flush(options, debug);
    if (status.ok()) system_.appended(path_, data.size());
    return status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    if (auto status = system_.step(); !status.ok()) return status;
    system_.truncated(path_, size);
    return target()->Truncate(size, options, debug);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return system_.sync(path_); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return system_.sync(path_); }
  IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }
  // Preallocating 35 MiB for every write-ahead log would be most of the time a test takes.
  void PrepareWrite(std::size_t, std::size_t, const IOOptions&, IODebugContext*) override {}
  IOStatus Allocate(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

 private:
  faulty_file_system& system_;
  const std::string path_;
};

class faulty_directory final : public rocksdb::FSDirectoryWrapper {
 public:
  faulty_directory(std::unique_ptr<rocksdb::FSDirectory> real, faulty_file_system& system,
                   std::string path)
      : FSDirectoryWrapper(std::move(real)), system_(system), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    if (auto status = system_.step(); !status.ok()) return status;
    system_.directory_synced(path_);
    return IOStatus::OK();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  faulty_file_system& system_;
  const std::string path_;
};

}  // namespace

void faulty_file_system::crash_at(std::uint64_t operation) {
  const std::lock_guard lock(mutex_);
  crash_at_ = operation;
}

void faulty_file_system::fail_once_at(std::uint64_t operation) {
  const std::lock_guard lock(mutex_);
  fail_once_at_ = operation;
}

void faulty_file_system::fail_at(std::uint64_t number, disk_fault how) {
  const std::lock_guard lock(mutex_);
  fault_at_ = number;
  fault_ = how;
}

std::uint64_t faulty_file_system::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

std::uint64_t faulty_file_system::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

IOStatus faulty_file_system::faulty(disk_fault::operation on, std::uint64_t number) const {
  if (fault_at_ == 0 || fault_.on != on || number < fault_at_) return IOStatus::OK();
  if (fault_.lasting == disk_fault::duration::once && number > fault_at_) return IOStatus::OK();
  return fault_.why == disk_fault::reason::no_space ? IOStatus::NoSpace("the disk is full")
                                                    : IOStatus::IOError("the disk is broken");
}

void faulty_file_system::fail_syncs(bool on) {
  const std::lock_guard lock(mutex_);
  fail_syncs_ = on;
}

std::uint64_t faulty_file_system::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

IOStatus faulty_file_system::step() {
  const std::lock_guard lock(mutex_);
  ++operations_;
  if (crash_at_ != 0 && operations_ >= crash_at_) return IOStatus::IOError("the power is off");
  if (operations_ == fail_once_at_) return IOStatus::IOError("failed once");
  return IOStatus::OK();
}

IOStatus faulty_file_system::write_step() {
  if (auto status = step(); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  return faulty(disk_fault::operation::write, ++writes_);
}

IOStatus faulty_file_system::sync(const std::string& path) {
  if (auto status = step(); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  if (auto status = faulty(disk_fault::operation::sync, ++syncs_); !status.ok()) return status;
  if (fail_syncs_) return IOStatus::IOError("cannot sync");
  auto& state = files_[path];
  state.synced = state.written;
  return IOStatus::OK();
}

void faulty_file_system::appended(const std::string& path, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  files_[path].written += bytes;
}

void faulty_file_system::truncated(const std::string& path, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  auto& state = files_[path];
  state.written = size;
  state.synced = std::min(state.synced, size);
}

void faulty_file_system::directory_synced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  std::erase_if(unsynced_names_, [&](const auto& name) { return directory_of(name) == path; });
  std::erase_if(unsynced_renames_, [&](const auto& r) { return directory_of(r.to) == path; });
}

void faulty_file_system::forget_names() {
  for (auto undone = unsynced_renames_.rbegin(); undone != unsynced_renames_.rend(); ++undone) {
    std::error_code ignored;
    std::filesystem::rename(undone->to, undone->from, ignored);
    if (const auto moved = files_.extract(undone->to)) files_[undone->from] = moved.mapped();
    if (undone->replaced) std::ofstream(undone->to, std::ios::binary) << *undone->replaced;
  }
  for (const auto& name : unsynced_names_) {
    std::filesystem::remove_all(name);
    files_.erase(name);
  }
}

void faulty_file_system::lose(loss what, std::mt19937& random) {
  const std::lock_guard lock(mutex_);
  if (what == loss::nothing) return;
  if (what == loss::everything_unsynced) forget_names();
  for (const auto& [path, state] : files_) {
    std::error_code gone;
    const std::uint64_t size = std::filesystem::file_size(path, gone);
    if (gone) continue;
    const std::uint64_t unsynced = state.written - state.synced;
    const std::uint64_t kept = what == loss::torn_tails ? random() % (unsynced + 1) : 0;
    std::filesystem::resize_file(path, std::min(size, state.synced + kept));
  }
}

IOStatus faulty_file_system::NewWritableFile(const std::string& path,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                                             IODebugContext* debug) {
  if (auto status = step(); !status.ok()) return status;
  std::unique_ptr<rocksdb::FSWritableFile> real;
  if (auto status = target()->NewWritableFile(path, options, &real, debug); !status.ok())
    return status;
  const std::string name = normal(path);
  {
    const std::lock_guard lock(mutex_);
    files_[name] = {};
    unsynced_names_.insert(name);
  }
  *result = std::make_unique<faulty_file>(std::move(real), *this, name);
  return IOStatus::OK();
}

IOStatus faulty_file_system::ReopenWritableFile(const std::string&, const rocksdb::FileOptions&,
                                                std::unique_ptr<rocksdb::FSWritableFile>*,
                                                IODebugContext*) {
  return IOStatus::NotSupported("reopening a file for writing is not modelled");
}

IOStatus faulty_file_system::ReuseWritableFile(const std::string&, const std::string&,
                                               const rocksdb::FileOptions&,
                                               std::unique_ptr<rocksdb::FSWritableFile>*,
                                               IODebugContext*) {
  return IOStatus::NotSupported("reusing a file is not modelled");
}

IOStatus faulty_file_system::NewDirectory(const std::string& path, const IOOptions& options,
                                          std::unique_ptr<rocksdb::FSDirectory>* result,
                                          IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> real;
  if (auto status = target()->NewDirectory(path, options, &real, debug); !status.ok())
    return status;
  *result = std::make_unique<faulty_directory>(std::move(real), *this, normal(path));
  return IOStatus::OK();
}

IOStatus faulty_file_system::CreateDir(const std::string& path, const IOOptions& options,
                                       IODebugContext* debug) {
  if (auto status = step(); !status.ok()) return status;
  auto status = target()->CreateDir(path, options, debug);
  const std::lock_guard lock(mutex_);
  if (status.ok()) unsynced_names_.insert(normal(path));
  return status;
}

IOStatus faulty_file_system::CreateDirIfMissing(const std::string& path, const IOOptions& options,
                                                IODebugContext* debug) {
  if (std::filesystem::exists(path)) return IOStatus::OK();
  return CreateDir(path, options, debug);
}

IOStatus faulty_file_system::DeleteFile(const std::string& path, const IOOptions& options,
                                        IODebugContext* debug) {
  if (auto status = step(); !status.ok()) return status;
  {
    const std::lock_guard lock(mutex_);
    files_.erase(normal(path));
    unsynced_names_.erase(normal(path));
  }
  return target()->DeleteFile(path, options, debug);
}

IOStatus faulty_file_system::RenameFile(const std::string& from, const std::string& to,
                                        const IOOptions& options, IODebugContext* debug) {
  if (auto status = step(); !status.ok()) return status;
  const rename done{normal(from), normal(to), content(to)};
  auto status = target()->RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  if (const auto moved = files_.extract(done.from)) files_[done.to] = moved.mapped();
  unsynced_renames_.push_back(done);
  return status;
}

std::unique_ptr<rocksdb::Env> environment(const std::shared_ptr<faulty_file_system>& files) {
  return rocksdb::NewCompositeEnv(files);
}

}  // namespace platen::store::testing
