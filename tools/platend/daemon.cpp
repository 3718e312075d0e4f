#include "tools/platend/daemon.hpp"

#include <linux/magic.h>
#include <spdlog/spdlog.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "actors/bookkeeper.hpp"
#include "actors/control_plane.hpp"
#include "actors/wall_clock.hpp"
#include "http/gateway/autoscaler.hpp"
#include "http/gateway/feed.hpp"
#include "http/server.hpp"
#include "hypervisor/images/image_store.hpp"
#include "hypervisor/images/rom_store.hpp"
#include "hypervisor/qemu/qemu_driver.hpp"
#include "hypervisor/sim/sim_driver.hpp"
#include "store/archive/archiver.hpp"
#include "store/rocksdb_log.hpp"
#include "tools/common/defaults.hpp"
#include "tools/common/version.hpp"
#include "tools/platend/checkpoint_key.hpp"
#include "tools/platend/crash_point.hpp"
#include "tools/platend/data_dir.hpp"
#include "tools/platend/guest_bundle.hpp"
#include "tools/platend/private_file.hpp"
#include "tools/platend/rom_collection.hpp"
#include "tools/platend/scoped_tokens.hpp"
#include "tools/platend/token.hpp"

namespace platen::platend {
namespace {

template <class T>
using made = tl::expected<std::unique_ptr<T>, std::string>;

constexpr int log_failed = 70;  // EX_SOFTWARE of sysexits.h

// Destructors and buffered work could only pretend that something is still certain.
[[noreturn]] void end_at_once(const std::string& why) {
  spdlog::critical("the event log failed, ending: {}", why);
  spdlog::default_logger()->flush();
  _exit(log_failed);
}

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

made<store::rocksdb_log> open_log(const config& set, const data_dir& data) {
  store::rocksdb_log::options how;
  auto watcher = crash_point_from(variable);
  if (!watcher) return tl::unexpected(watcher.error());
  how.watch = *std::move(watcher);
  if (!set.archive.empty()) how.archive = (data.path() / set.archive).lexically_normal().string();
  how.failure = [](const store::error& error) { end_at_once(error.message); };
  auto log = store::rocksdb_log::open(tools::log_path(data.path()).string(), how);
  if (log) return *std::move(log);
  const auto& error = log.error();
  const auto where = error.sequence == 0 ? "" : " at sequence " + std::to_string(error.sequence);
  return tl::unexpected("the event log cannot be opened" + where + ": " + error.message);
}

void report_archived(const store::result<store::segment_info>& outcome) {
  if (outcome)
    spdlog::info("archived the events {} to {}", outcome->first, outcome->last);
  else
    spdlog::error("old events stay in the database, they cannot be archived: {}",
                  outcome.error().message);
}

std::unique_ptr<store::archiver> start_archiver(const config& how, store::rocksdb_log& log) {
  if (how.archive.empty()) return nullptr;
  const store::archive_policy policy{how.keep_events, how.segment_events,
                                     std::string("platend ") + tools::version};
  return std::make_unique<store::archiver>(log, policy, report_archived);
}

hypervisor::accelerator_choice chosen_accelerator(accelerator_choice choice) {
  switch (choice) {
    case accelerator_choice::automatic:
      return hypervisor::accelerator_choice::automatic;
    case accelerator_choice::kvm:
      return hypervisor::accelerator_choice::kvm;
    case accelerator_choice::tcg:
      return hypervisor::accelerator_choice::tcg;
  }
  return hypervisor::accelerator_choice::automatic;
}

// Nothing is mounted: whether memory is in a tmpfs or on disk is the operator's choice of the
// place.
tl::expected<void, std::string> open_template_path(const std::filesystem::path& place) {
  if (place.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(place, error);
  struct statfs of {};
  if (error || ::access(place.c_str(), W_OK) != 0 || ::statfs(place.c_str(), &of) != 0)
    return tl::unexpected("factory.template_path: '" + place.string() + "' cannot be written to: " +
                          (error ? error.message() : std::string(std::strerror(errno))));
  const auto free_mb = of.f_bavail * static_cast<std::uint64_t>(of.f_bsize) >> 20;
  spdlog::info("the memory of templates is kept in {}, {}, {} MiB free", place.string(),
               of.f_type == TMPFS_MAGIC ? "a tmpfs" : "which is no tmpfs", free_mb);
  return {};
}

made<hypervisor::driver> make_driver(const config& how, const data_dir& data,
                                     hypervisor::image_store& images, hypervisor::rom_store& roms) {
  if (how.hypervisor == hypervisor_kind::sim)
    return hypervisor::make_sim_driver(std::make_shared<hypervisor::sim_world>(),
                                       hypervisor::real_time_scheduler());
  auto bundle = find_guest_bundle(how.guest_dir);
  if (!bundle) return tl::unexpected(bundle.error());
  hypervisor::qemu_options options;
  options.data_dir = data.path();
  options.qemu_binary = how.qemu_binary.string();
  options.guest_bundle = *std::move(bundle);
  options.images = &images;
  options.roms = &roms;
  options.accelerator = chosen_accelerator(how.accelerator);
  options.warm_pool_bytes = std::uint64_t{how.warm_pool_mb} << 20;
  options.warm_pool_per_snapshot = how.warm_pool_per_template;
  if (auto place = open_template_path(how.factory_template_path); !place)
    return tl::unexpected(place.error());
  options.template_memory_dir = how.factory_template_path;
  return hypervisor::make_qemu_driver(std::move(options));
}

tl::expected<token, std::string> find_token(const config& how, const data_dir& data) {
  if (!how.token_file.empty()) return read_token(how.token_file);
  auto found = read_or_make_token(tools::token_path(data.path()));
  if (found && found->made) spdlog::info("made an API token: {}", found->file.string());
  return found;
}

actors::factory_settings factory_settings(const config& how) {
  actors::factory_settings made;
  made.enabled = how.factory_enable_template;
  made.image = how.factory_image;
  made.memory_mb = how.factory_default_memory;
  made.vcpus = how.factory_default_vcpus;
  made.prepare_timeout_ms = std::uint64_t{1000} * how.factory_init_timeout;
  return made;
}

actors::options control_options(const config& how, store::rocksdb_log& log) {
  actors::options options;
  options.max_instances = how.max_instances;
  options.max_templates = how.max_templates;
  options.max_template_depth = how.max_template_depth;
  options.strict_templates = how.strict_templates;
  options.max_service_groups = how.max_service_groups;
  options.base_domain = how.base_domain;
  options.stop_grace_ms = how.stop_grace_ms;
  options.factory = factory_settings(how);
  options.version = tools::version;
  options.states = &log.states();
  options.on_loaded = [](const std::string& how_loaded) { spdlog::info("{}", how_loaded); };
  options.on_fatal = end_at_once;
  return options;
}

// Files come and go meanwhile; what cannot be looked at counts as nothing.
std::uint64_t bytes_in(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    if (at->is_regular_file(gone)) bytes += at->file_size(gone) * (gone ? 0 : 1);
  }
  return bytes;
}

// The operator's and those of scopes.
tl::expected<std::vector<http::access_token>, std::string> find_tokens(const config& how,
                                                                       const data_dir& data) {
  const auto operators = find_token(how, data);
  if (!operators) return tl::unexpected(operators.error());
  std::vector<http::access_token> all{{operators->value, ""}};
  if (how.tokens_file.empty()) return all;
  const auto scoped = read_scoped_tokens(how.tokens_file, operators->value);
  if (!scoped) return tl::unexpected(scoped.error());
  for (const auto& one : *scoped)
    all.push_back({one.value, one.scope});
  return all;
}

http::options server_options(const config& how, const data_dir& data,
                             std::vector<http::access_token> tokens,
                             const hypervisor::driver& driver) {
  http::options options;
  options.host = how.listen_host;
  options.port = how.listen_port;
  options.tokens = std::move(tokens);
  options.spool_directory = data.path() / "tmp";
  options.version = tools::version;
  options.hypervisor = driver.name();
  options.accelerator = driver.accelerator();
  options.base_domain = how.base_domain;
  options.max_instances = how.max_instances;
  options.max_service_groups = how.max_service_groups;
  options.factory = factory_settings(how);
  if (!how.factory_template_path.empty())
    options.template_path = how.factory_template_path.string();
  options.bounds.image_upload_bytes = how.image_upload_max_bytes;
  options.log_bytes = [log = tools::log_path(data.path())] { return bytes_in(log); };
  options.warm_pool = [&driver] { return driver.warm_pool(); };
  options.report_fault = [](const std::string& fault) { spdlog::error("{}", fault); };
  return options;
}

// Members are in the order of their dependencies: each may use those above it, wherever all of them
// are moved to.
struct parts {
  data_dir data;
  std::unique_ptr<store::rocksdb_log> log;
  std::unique_ptr<hypervisor::image_store> images;
  std::unique_ptr<hypervisor::rom_store> roms;
  std::unique_ptr<hypervisor::driver> driver;
  std::unique_ptr<actors::control_plane> control;
  std::unique_ptr<store::signing_key> key;
  std::unique_ptr<actors::bookkeeper> books;
  std::unique_ptr<actors::certificate_book> book;
  std::unique_ptr<gateway::certificate_store> certificates;
  std::unique_ptr<gateway::autoscaler> scaler;
  std::shared_ptr<gateway::traffic_watch> watch;
  std::unique_ptr<gateway::gateway> traffic;  // none if it is off, and then no feed
  std::unique_ptr<gateway::feed> feed;
  std::unique_ptr<http::server> server;
  std::unique_ptr<store::archiver> archiver;  // none if nothing is to be archived
};

// The gateway and autoscale know each other: the scaler's thread ends between the last request and
// the end of the gateway.
void end_traffic(parts& of) {
  of.feed.reset();
  if (of.traffic) of.traffic->stop();
  of.scaler.reset();
}

class running_daemon : public daemon {
 public:
  running_daemon(parts of, bool stop_vms) : parts_(std::move(of)), stop_vms_(stop_vms) {}
  ~running_daemon() override { running_daemon::stop(); }

  void stop() override {
    if (std::exchange(stopped_, true)) return;
    parts_.server->stop();
    end_traffic(parts_);
    parts_.control->shutdown(stop_vms_);
    parts_.archiver.reset();
    parts_.books->finish();
    parts_.log->close();
  }

 private:
  parts parts_;
  bool stop_vms_;
  bool stopped_ = false;
};

// "SEQUENCE:HASH KEY SIGNATURE", which `platen verify --witness` reads.
std::string witness_line(const events::checkpoint_signed& value) {
  return std::to_string(value.through) + ":" + value.head_hash + " " + value.public_key + " " +
         value.signature;
}

actors::bookkeeper::options bookkeeping(const config& how) {
  actors::bookkeeper::options options;
  options.every_events = how.checkpoint_events;
  options.at_latest = std::chrono::seconds(how.checkpoint_seconds);
  options.now_us = actors::wall_clock_us;
  options.warn = [](const std::string& what) { spdlog::warn("{}", what); };
  if (!how.witness.empty())
    options.witness = [file = how.witness](const events::checkpoint_signed& value) {
      if (const auto noted = append_line(file, witness_line(value)); !noted)
        spdlog::warn("witness {}", noted.error());
    };
  return options;
}

tl::expected<void, std::string> start_books(parts& into, const config& how) {
  auto file = how.checkpoint_key;
  if (file.empty()) file = into.data.path() / "checkpoint-key.pem";
  auto key = read_or_make_checkpoint_key(file);
  if (!key) return tl::unexpected(key.error());
  into.key = std::make_unique<store::signing_key>(*std::move(key));
  into.books = std::make_unique<actors::bookkeeper>(bookkeeping(how), *into.log, into.log->states(),
                                                    *into.key);
  return {};
}

using group_hook = std::function<void(const std::string& group_id)>;

// Autoscale hears of the group, too.
group_hook then_scale(group_hook first, gateway::autoscaler& scaler) {
  return [first = std::move(first), &scaler](const std::string& group_id) {
    if (first) first(group_id);
    scaler.note_demand(group_id);
  };
}

made<gateway::gateway> start_gateway(const config& how, gateway::hooks call) {
  gateway::options options;
  options.call = std::move(call);
  options.address = how.gateway;
  options.bounds.connections = how.gateway_connections;
  options.bounds.hold = std::chrono::seconds(how.gateway_hold_seconds);
  return gateway::gateway::start(std::move(options));
}

// The traffic of service groups.
tl::expected<void, std::string> start_services(parts& into, const config& how) {
  auto book = actors::certificate_book::open(*into.log, actors::wall_clock_us);
  if (!book) return tl::unexpected(book.error());
  into.book = *std::move(book);
  auto certificates =
      gateway::certificate_store::open(into.data.path(), *into.book, actors::wall_clock_us);
  if (!certificates) return tl::unexpected(certificates.error());
  into.certificates = *std::move(certificates);
  if (how.gateway.empty()) return {};
  into.watch = std::make_shared<gateway::traffic_watch>();
  into.scaler = std::make_unique<gateway::autoscaler>(*into.control);
  auto call = into.watch->make_hooks();
  call.wake = then_scale(std::move(call.wake), *into.scaler);
  call.crowded = then_scale(std::move(call.crowded), *into.scaler);
  auto started = start_gateway(how, std::move(call));
  if (!started) return tl::unexpected("the gateway: " + started.error());
  into.traffic = *std::move(started);
  into.scaler->begin([&traffic = *into.traffic] { return traffic.loads(); });
  into.feed = std::make_unique<gateway::feed>(
      *into.control, *into.certificates, *into.book, *into.traffic, into.watch,
      how.gateway_port_offset, [](const std::string& what) { spdlog::warn("{}", what); },
      [&scaler = *into.scaler] { scaler.note_change(); });
  return {};
}

// Fills in one part after the other; the first that cannot be made is the error.
tl::expected<void, std::string> build(parts& into, const config& how,
                                      const std::vector<http::access_token>& tokens) {
  const auto keep = [](auto& place, auto built) -> tl::expected<void, std::string> {
    if (!built) return tl::unexpected(built.error());
    place = *std::move(built);
    return {};
  };
  const auto& path = into.data.path();
  return keep(into.log, open_log(how, into.data))
      .and_then([&] {
        return keep(into.images,
                    hypervisor::image_store::open(path / "images",
                                                  {.content_bytes = how.image_content_max_bytes}));
      })
      .and_then([&] { return keep(into.roms, hypervisor::rom_store::open(path / "roms")); })
      .and_then(
          [&] { return keep(into.driver, make_driver(how, into.data, *into.images, *into.roms)); })
      .and_then([&] {
        return keep(into.control, actors::control_plane::start(control_options(how, *into.log),
                                                               *into.log, *into.driver));
      })
      .map([&] { remove_unused_roms(*into.control, *into.roms); })
      .and_then([&] { return start_books(into, how); })
      .and_then([&] { return start_services(into, how); })
      .and_then([&] {
        return keep(into.server,
                    http::server::start(server_options(how, into.data, tokens, *into.driver),
                                        {*into.control, *into.log, *into.images, *into.roms,
                                         into.certificates.get(), into.traffic.get()}));
      });
}

}  // namespace

tl::expected<std::unique_ptr<daemon>, std::string> daemon::start(const config& how) {
  auto data = data_dir::open(how.data);
  if (!data) return tl::unexpected(data.error());
  const auto tokens = find_tokens(how, *data);
  if (!tokens) return tl::unexpected(tokens.error());
  parts built{*std::move(data), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  if (auto done = build(built, how, *tokens); !done) {
    end_traffic(built);
    return tl::unexpected(done.error());
  }
  built.archiver = start_archiver(how, *built.log);
  spdlog::info("platend {} listens on {}, hypervisor {} ({}), data directory {}", tools::version,
               built.server->url(), built.driver->name(), built.driver->accelerator(),
               built.data.path().string());
  return std::make_unique<running_daemon>(std::move(built), how.stop_vms_on_exit);
}

}  // namespace platen::platend
