#include "store/ownership.hpp"

#include <rocksdb/db.h>

#include <algorithm>
#include <iterator>

#include "store/record_check.hpp"

namespace platen::store {

namespace {

bool is_ours(const std::string& family) {
  return std::find(std::begin(family_names), std::end(family_names), family) !=
         std::end(family_names);
}

// Names that RocksDB gives to files while it makes a database.
bool is_of_a_database(std::string_view name) {
  for (const std::string_view whole : {".", "..", "LOCK", "IDENTITY", "CURRENT"})
    if (name == whole) return true;
  for (const std::string_view begin : {"LOG", "MANIFEST-", "OPTIONS-"})
    if (name.starts_with(begin)) return true;
  for (const std::string_view end : {".log", ".sst", ".dbtmp"})
    if (name.ends_with(end)) return true;
  return false;
}

// Whether RocksDB's own family is empty, which it is in a log: somebody else's data would be there.
bool nothing_in_default(const std::string& path, const rocksdb::DBOptions& options,
                        const std::vector<std::string>& families) {
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const auto& name : families)
    descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::OpenForReadOnly(options, path, descriptors, &handles, &opened);
  const std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) return true;
  bool nothing = true;
  {
    const std::unique_ptr<rocksdb::Iterator> first(db->NewIterator(rocksdb::ReadOptions()));
    first->SeekToFirst();
    nothing = !first->Valid();
  }
  for (auto* const handle : handles)
    db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  return nothing;
}

result<void> check_database(const std::string& path, rocksdb::Env& env) {
  rocksdb::DBOptions options;
  options.env = &env;
  std::vector<std::string> families;
  if (!rocksdb::DB::ListColumnFamilies(options, path, &families).ok()) return {};
  for (const auto& name : families)
    if (!is_ours(name))
      return corrupt(0, path +
                            " is a RocksDB database, but no event log: it has a column family '" +
                            name + "'; choose another data directory");
  // A log that was being made when the machine stopped has only some of them.
  const bool whole = families.size() == std::size(family_names);
  if (!whole && !nothing_in_default(path, options, families))
    return corrupt(0, path + " is somebody else's RocksDB database; choose another data directory");
  return {};
}

}  // namespace

result<void> check_ownership(const std::string& path, rocksdb::Env& env) {
  std::vector<std::string> names;
  if (!env.GetChildren(path, &names).ok()) return {};
  if (std::find(names.begin(), names.end(), "CURRENT") != names.end())
    return check_database(path, env);
  for (const auto& name : names)
    if (!is_of_a_database(name))
      return corrupt(0, path + " is not an event log and holds other files, such as '" + name +
                            "'; choose another data directory");
  return {};
}

}  // namespace platen::store
