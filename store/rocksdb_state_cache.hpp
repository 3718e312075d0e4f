// The state cache in the log's own database, column family `snapshots`. Private to store/.
#pragma once

#include "store/database.hpp"
#include "store/state_cache.hpp"

namespace platen::store {

class rocksdb_state_cache final : public state_cache {
 public:
  explicit rocksdb_state_cache(const database& db) : db_(db) {}

  result<std::optional<state_mark>> mark() const override;
  result<std::optional<std::string>> find(const std::string& stream) const override;
  result<void> visit_all(const visitor& visit) const override;
  result<void> write(const state_mark& mark, const std::vector<change>& changes) override;
  result<void> clear() override;

 private:
  const database& db_;
};

}  // namespace platen::store
