// Files beside the database: made so that they are whole under their name or not there at all.
// Everything goes through RocksDB's Env, so that the tests can cut the power between any two
// operations. Private to store/.
#pragma once

#include <rocksdb/env.h>

#include <memory>
#include <string>

#include "store/event_log.hpp"

namespace platen::store {

// `env`, or the machine's file system for null.
rocksdb::Env& env_or_default(rocksdb::Env* env);

// Makes the directory, whose parent must exist, and lets its name survive a power cut.
rocksdb::Status make_directory(const std::string& path, rocksdb::Env& env);

// A file that is written as `<path>.tmp` and takes its name when it is complete. Without publish()
// nothing is left of it. Not thread-safe.
class new_file {
 public:
  static result<new_file> create(std::string path, rocksdb::Env& env);

  new_file(new_file&& other) noexcept = default;
  new_file& operator=(new_file&&) = delete;
  ~new_file();

  result<void> append(std::string_view bytes);

  // Syncs the content, gives the file its name, replacing what had it, and syncs the directory.
  result<void> publish();

 private:
  new_file(std::string path, rocksdb::Env& env, std::unique_ptr<rocksdb::WritableFile> file)
      : path_(std::move(path)), env_(&env), file_(std::move(file)) {}

  std::string path_;
  rocksdb::Env* env_;
  std::unique_ptr<rocksdb::WritableFile> file_;  // null once it is published
};

}  // namespace platen::store
