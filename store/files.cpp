#include "store/files.hpp"

#include <filesystem>

#include "store/database.hpp"

namespace platen::store {

namespace {

std::string parent_of(const std::string& path) {
  auto entry = std::filesystem::path(path).lexically_normal();
  if (!entry.has_filename()) entry = entry.parent_path();
  const auto parent = entry.parent_path();
  return parent.empty() ? "." : parent.string();
}

rocksdb::Status sync_directory(const std::string& path, rocksdb::Env& env) {
  std::unique_ptr<rocksdb::Directory> directory;
  if (auto opened = env.NewDirectory(path, &directory); !opened.ok()) return opened;
  return directory->Fsync();
}

std::string temporary(const std::string& path) {
  return path + ".tmp";
}

result<void> done(const rocksdb::Status& status, const std::string& path) {
  if (status.ok()) return {};
  auto why = to_error(status, "writing " + path);
  why.what = error::kind::io;
  return tl::unexpected(std::move(why));
}

}  // namespace

rocksdb::Env& env_or_default(rocksdb::Env* env) {
  return env == nullptr ? *rocksdb::Env::Default() : *env;
}

rocksdb::Status make_directory(const std::string& path, rocksdb::Env& env) {
  if (env.FileExists(path).ok()) return rocksdb::Status::OK();
  if (auto made = env.CreateDirIfMissing(path); !made.ok()) return made;
  return sync_directory(parent_of(path), env);
}

result<new_file> new_file::create(std::string path, rocksdb::Env& env) {
  rocksdb::EnvOptions plain;
  plain.use_mmap_writes = false;
  std::unique_ptr<rocksdb::WritableFile> file;
  if (auto made = done(env.NewWritableFile(temporary(path), &file, plain), path); !made)
    return tl::unexpected(made.error());
  return new_file(std::move(path), env, std::move(file));
}

new_file::~new_file() {
  if (!file_) return;
  file_.reset();
  env_->DeleteFile(temporary(path_)).PermitUncheckedError();
}

result<void> new_file::append(std::string_view bytes) {
  return done(file_->Append(rocksdb::Slice(bytes.data(), bytes.size())), path_);
}

result<void> new_file::publish() {
  auto status = file_->Fsync();
  if (status.ok()) status = file_->Close();
  if (status.ok()) status = env_->RenameFile(temporary(path_), path_);
  if (!status.ok()) return done(status, path_);
  file_.reset();
  return done(sync_directory(parent_of(path_), *env_), path_);
}

}  // namespace platen::store
