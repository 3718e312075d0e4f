// platend's configuration: one table of keys, from which flags, environment and file are read
// alike.
//
// A key named `max_instances` is `max_instances = 10` in the TOML file, PLATEN_MAX_INSTANCES in the
// environment and --max-instances on the command line. Flag wins over environment, environment
// over file, file over default.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace platen::platend {

enum class hypervisor_kind { qemu, sim };
enum class accelerator_choice { automatic, kvm, tcg };

struct config {
  std::filesystem::path data;
  std::string listen_host;
  std::uint16_t listen_port = 0;  // 0: the system chooses; the port is logged
  hypervisor_kind hypervisor = hypervisor_kind::qemu;
  accelerator_choice accelerator = accelerator_choice::automatic;
  std::string log_level;
  std::filesystem::path token_file;   // empty: <data>/token, made at first start
  std::filesystem::path tokens_file;  // of scopes; empty: there are none
  std::filesystem::path guest_dir;    // empty: found beside the executable
  std::filesystem::path qemu_binary;
  bool stop_vms_on_exit = false;
  std::uint32_t stop_grace_ms = 0;
  std::uint32_t max_instances = 0;
  std::uint32_t max_templates = 0;
  std::uint32_t max_template_depth = 0;
  bool strict_templates = false;
  std::uint32_t warm_pool_mb = 0;  // 0: no clones are kept ready
  std::uint32_t warm_pool_per_template = 0;
  std::uint32_t max_service_groups = 0;
  std::string gateway;  // a numeric address; empty: no gateway
  std::uint16_t gateway_port_offset = 0;
  std::uint32_t gateway_connections = 0;
  std::uint32_t gateway_hold_seconds = 0;
  std::string base_domain;
  std::uint64_t checkpoint_events = 0;
  std::uint32_t checkpoint_seconds = 0;
  std::filesystem::path checkpoint_key;  // empty: <data>/checkpoint-key.pem, made at first start
  std::filesystem::path witness;         // empty: none
  std::uint64_t image_upload_max_bytes = 0;   // of the uploaded archive
  std::uint64_t image_content_max_bytes = 0;  // of its files, unpacked
  std::filesystem::path archive;              // of old events, relative to data; empty: never
  std::uint64_t keep_events = 0;              // the newest, which stay in the database
  std::uint64_t segment_events = 0;           // in each file of the archive

  // The section [factory], whose keys are those of Kata's VM templating (factory_rules.hpp).
  bool factory_enable_template = false;
  std::filesystem::path factory_template_path;  // empty: with the rest of each snapshot
  std::filesystem::path factory_path;           // of QEMU; empty: qemu_binary
  std::filesystem::path factory_kernel;         // empty, or that of the guest in guest_dir
  std::filesystem::path factory_initrd;         // the same
  std::string factory_image;
  std::uint32_t factory_default_memory = 0;  // MiB
  std::uint32_t factory_default_vcpus = 0;
  std::uint32_t factory_init_timeout = 0;  // seconds; 0: none
};

enum class value_kind { text, integer, boolean };

struct config_key {
  std::string_view name;
  value_kind kind;
  std::string_view fallback;  // the default, as it would be written
  std::string_view help;
  // Reads the text into the configuration; the error says what was expected.
  std::function<tl::expected<void, std::string>(config&, const std::string&)> set;

  std::string flag() const;      // "--max-instances"
  std::string variable() const;  // "PLATEN_MAX_INSTANCES"
};

const std::vector<config_key>& config_keys();

struct config_sources {
  std::map<std::string, std::string> flags;  // by key name
  std::function<std::optional<std::string>(const std::string& variable)> environment;
  std::optional<std::filesystem::path> file;
};

// The error names the flag, variable, or file, line and key at fault, and the reason.
tl::expected<config, std::string> load_config(const config_sources& sources);

}  // namespace platen::platend
