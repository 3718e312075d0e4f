#include "hypervisor/qemu/migration.hpp"

namespace platen::hypervisor::qemu {

using nlohmann::json;

json migration_capabilities() {
  json list = json::array();
  for (const auto* name : {"events", "x-ignore-shared"})
    list.push_back({{"capability", name}, {"state", true}});
  return {{"capabilities", list}};
}

bool is_final_migration(const json& data) {
  const auto status = data.value("status", std::string{});
  return status == "completed" || status == "failed" || status == "cancelled";
}

task<tl::expected<void, std::string>> load_saved_state(qmp_client& qmp, int state_fd,
                                                       milliseconds limit) {
  const auto capable = co_await qmp.execute("migrate-set-capabilities", migration_capabilities());
  if (!capable) co_return tl::unexpected(capable.error());
  json source = {{"uri", "fd:" + std::to_string(state_fd)}};
  const auto begun = co_await qmp.execute("migrate-incoming", std::move(source));
  if (!begun) co_return tl::unexpected(begun.error());
  const auto result = co_await qmp.wait_event("MIGRATION", is_final_migration, limit);
  if (!result) co_return tl::unexpected(result.error());
  if (result->value("status", std::string{}) != "completed")
    co_return tl::unexpected(std::string("QEMU could not load the saved state"));
  co_return tl::expected<void, std::string>{};
}

}  // namespace platen::hypervisor::qemu
