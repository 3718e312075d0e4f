#include "hypervisor/qemu/snapshot_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "hypervisor/qemu/linked_files.hpp"
#include "hypervisor/qemu/vm_record.hpp"

namespace platen::hypervisor::qemu {

namespace {

namespace fs = std::filesystem;

constexpr auto manifest_name = "manifest.json";
constexpr auto temporary_suffix = ".tmp";
constexpr std::uint64_t manifest_limit = 1 << 20;

fs::path temporary(const fs::path& folder) {
  auto path = folder;
  path += temporary_suffix;
  return path;
}

// Not the name a snapshot of the same id is built under; recover() deletes both.
fs::path forgotten(const fs::path& folder) {
  auto path = folder;
  path += ".forgotten";
  path += temporary_suffix;
  return path;
}

tl::expected<void, std::string> move(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return tl::unexpected(system_error_sentence("move", from));
  return {};
}

// Logs are kept for people; a snapshot is whole without them.
void move_log(const fs::path& from, const fs::path& to, const char* name) {
  std::error_code ignored;
  fs::rename(from / name, to / kept_log_name(name), ignored);
}

snapshot_info info_of(const manifest& content, const std::string& sha256) {
  snapshot_info info;
  info.snapshot_id = content.snapshot_id;
  info.accelerator = content.machine.accelerator;
  info.manifest_sha256 = sha256;
  info.memory_bytes = content.memory.bytes;
  info.state_bytes = content.state.bytes;
  info.disk_bytes = content.disk.bytes;
  return info;
}

tl::unexpected<snapshot_refusal> damaged(std::string reason) {
  return tl::unexpected(snapshot_refusal{std::move(reason), true});
}

std::uint64_t allocated_bytes(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512
                                            : 0;
}

std::vector<std::string> file_names(const manifest& content) {
  std::vector<std::string> names{memory_name, state_name, disk_name, base_disk_name};
  for (std::size_t i = 0; i < content.layers.size(); ++i)
    names.push_back(layer_name(i));
  for (std::size_t i = 0; i < content.roms.size(); ++i)
    names.push_back(rom_file_name(i));
  return names;
}

std::string size_difference(const std::string& name, std::uint64_t found, std::uint64_t expected) {
  return "the snapshot's file " + name + " is damaged: it has " + std::to_string(found) +
         " bytes instead of " + std::to_string(expected);
}

std::vector<std::uint64_t> file_sizes(const manifest& content) {
  std::vector<std::uint64_t> sizes{content.memory.bytes, content.state.bytes, content.disk.bytes,
                                   content.base.bytes};
  for (const auto& layer : content.layers)
    sizes.push_back(layer.bytes);
  for (const auto& rom : content.roms)
    sizes.push_back(rom.length);
  return sizes;
}

// The first file that is not there or not as large as it was; empty: none.
std::string wrong_size(const fs::path& folder, const manifest& content) {
  const auto names = file_names(content);
  const auto sizes = file_sizes(content);
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::error_code error;
    const auto found = fs::file_size(folder / names[i], error);
    if (error) return "the snapshot's file " + names[i] + " is damaged: " + error.message();
    if (found != sizes[i]) return size_difference(names[i], found, sizes[i]);
  }
  return {};
}

// What has second names, whose coming and going changes its ctime, is known by its content's times
// alone (identity_by::content_change). The rest is known better.
constexpr auto never_linked = identity_by::content_and_inode_change;

}  // namespace

std::string layer_name(std::size_t layer) {
  return "layer-" + std::to_string(layer) + ".qcow2";
}

std::string kept_log_name(const std::string& log) {
  return "preparation-" + log;
}

tl::expected<std::vector<std::string>, std::string> snapshot_store::recover() {
  std::error_code error;
  std::vector<fs::path> leftovers;
  std::vector<std::string> complete;
  for (const auto& entry : fs::directory_iterator(root_, error)) {
    const auto name = entry.path().filename().string();
    const bool lost_its_memory =
        leads_nowhere(entry.path() / memory_name) || leads_nowhere(entry.path() / state_name);
    if (entry.path().extension() == temporary_suffix || (is_plain_id(name) && lost_its_memory))
      leftovers.push_back(entry.path());
    else if (is_plain_id(name) && fs::exists(entry.path() / manifest_name))
      complete.push_back(name);
  }
  if (error) return tl::unexpected("cannot list " + root_.string() + ": " + error.message());
  for (const auto& leftover : leftovers)
    remove_with_linked(leftover);
  for (const auto& id : complete)
    if (const auto sealed = read_manifest(root_ / id)) note_maker(sealed->content.made_by, id);
  return complete;
}

std::vector<unusable_snapshot> snapshot_store::find_unusable(const std::vector<std::string>& ids,
                                                             const host_facts& host) const {
  std::vector<unusable_snapshot> unusable;
  for (const auto& id : ids) {
    const auto sealed = read_for(root_ / id, host);
    std::string reason = sealed ? std::string() : sealed.error().reason;
    if (sealed) reason = wrong_size(root_ / id, sealed->content);
    if (!reason.empty()) unusable.push_back({id, std::move(reason)});
  }
  return unusable;
}

void snapshot_store::note_maker(const vm_ref& preparation, const std::string& id) {
  const std::lock_guard guard(made_by_mutex_);
  made_by_[preparation] = id;
}

std::optional<fs::path> snapshot_store::folder_made_by(const vm_ref& preparation) const {
  const std::lock_guard guard(made_by_mutex_);
  const auto found = made_by_.find(preparation);
  if (found == made_by_.end()) return std::nullopt;
  return root_ / found->second;
}

tl::expected<file_facts, std::string> snapshot_store::facts_of(const fs::path& path,
                                                               identity_by how) {
  const auto fd = open_file(path, O_RDONLY);
  if (!fd) return tl::unexpected(fd.error());
  if (::fsync(fd->get()) != 0) return tl::unexpected(system_error_sentence("sync", path));
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0)
    return tl::unexpected(system_error_sentence("look at", path));
  const auto digest = digests_.digest_of(fd->get(), how);
  if (!digest) return tl::unexpected(path.string() + ": " + digest.error());
  return file_facts{static_cast<std::uint64_t>(status.st_size), *digest};
}

tl::expected<snapshot_info, std::string> snapshot_store::store(const fs::path& vm_directory,
                                                               manifest draft,
                                                               bool can_be_made_again) {
  const auto building = temporary(root_ / draft.snapshot_id);
  if (::mkdir(building.c_str(), 0700) != 0)
    return tl::unexpected(system_error_sentence("make", building));
  const auto maker = draft.made_by;
  const bool memory_apart = can_be_made_again && !memory_root_.empty();
  auto stored = fill_and_publish(building, vm_directory, std::move(draft), memory_apart);
  if (stored) note_maker(maker, stored->snapshot_id);
  if (!stored) remove_with_linked(building);
  return stored;
}

tl::expected<void, std::string> snapshot_store::collect_facts(const fs::path& folder,
                                                              manifest& draft) {
  const auto collect = [&](file_facts& facts, const std::string& name,
                           identity_by how = identity_by::content_change) {
    return facts_of(folder / name, how).map([&](file_facts found) { facts = std::move(found); });
  };
  auto done = collect_fixed_facts(folder, draft);
  if (done) done = collect(draft.memory, memory_name, never_linked);
  if (done) done = collect(draft.state, state_name, never_linked);
  if (done) done = collect(draft.disk, disk_name);
  return done;
}

tl::expected<void, std::string> snapshot_store::collect_fixed_facts(const fs::path& folder,
                                                                    manifest& draft) {
  const auto collect = [&](file_facts& facts, const std::string& name) {
    return facts_of(folder / name, identity_by::content_change).map([&](file_facts found) {
      facts = std::move(found);
    });
  };
  auto done = collect(draft.base, base_disk_name);
  for (std::size_t i = 0; done && i < draft.layers.size(); ++i)
    done = collect(draft.layers[i], layer_name(i));
  for (std::size_t i = 0; done && i < draft.roms.size(); ++i)
    done = facts_of(folder / rom_file_name(i), identity_by::content_change)
               .map([&](const file_facts& facts) { draft.roms[i].sha256 = facts.sha256; });
  return done;
}

tl::expected<snapshot_info, std::string> snapshot_store::fill_and_publish(
    const fs::path& building, const fs::path& vm_directory, manifest draft, bool memory_apart) {
  tl::expected<void, std::string> done;
  for (const auto& name : file_names(draft))
    if (done) done = move(vm_directory / name, building / name);
  if (done && memory_apart)
    for (const auto* name : {memory_name, state_name})
      if (done) done = move_behind_link(building / name, memory_root_ / draft.snapshot_id);
  if (done) done = collect_facts(building, draft);
  if (!done) return tl::unexpected(done.error());
  move_log(vm_directory, building, console_log_name);
  move_log(vm_directory, building, output_log_name);
  done = replace_file(building / manifest_name, to_json(draft), true);
  if (done) done = move(building, root_ / draft.snapshot_id);
  if (done) done = sync_path(root_);
  if (!done) return tl::unexpected(done.error());
  return info_of(draft, manifest_sha256(draft));
}

tl::expected<std::uint64_t, std::string> snapshot_store::seal(const fs::path& vm_directory,
                                                              manifest draft) {
  draft.snapshot_id = vm_directory.filename();
  auto done = collect_facts(vm_directory, draft);
  if (done) done = replace_file(vm_directory / manifest_name, to_json(draft), true);
  if (done) done = sync_path(vm_directory.parent_path());
  if (!done) return tl::unexpected(done.error());
  return allocated_bytes(vm_directory / memory_name) + allocated_bytes(vm_directory / state_name);
}

void snapshot_store::unseal(const fs::path& vm_directory) {
  std::error_code ignored;
  for (const auto* name : {manifest_name, memory_name, state_name})
    fs::remove(vm_directory / name, ignored);
}

std::optional<std::uint64_t> snapshot_store::sealed_bytes(const fs::path& vm_directory) const {
  if (!read_manifest(vm_directory)) return std::nullopt;
  return allocated_bytes(vm_directory / memory_name) + allocated_bytes(vm_directory / state_name);
}

tl::expected<sealed_manifest, std::string> snapshot_store::read_manifest(
    const fs::path& folder) const {
  const auto text = read_file(folder / manifest_name, manifest_limit);
  if (!text) return tl::unexpected(text.error());
  auto parsed = parse_manifest(*text);
  if (parsed && parsed->content.snapshot_id != folder.filename())
    return tl::unexpected("manifest.json describes the snapshot " + parsed->content.snapshot_id);
  return parsed;
}

tl::expected<unique_fd, snapshot_refusal> snapshot_store::open_checked(const fs::path& path,
                                                                       const file_facts& expected,
                                                                       identity_by how) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd) return tl::unexpected(snapshot_refusal{fd.error(), errno == ENOENT});
  const auto name = path.filename().string();
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0)
    return tl::unexpected(snapshot_refusal{system_error_sentence("look at", path), false});
  if (static_cast<std::uint64_t>(status.st_size) != expected.bytes)
    return damaged(
        size_difference(name, static_cast<std::uint64_t>(status.st_size), expected.bytes));
  const auto digest = digests_.digest_of(fd->get(), how);
  if (!digest) return tl::unexpected(snapshot_refusal{name + ": " + digest.error(), false});
  if (*digest != expected.sha256)
    return damaged("the snapshot's file " + name +
                   " is damaged: its SHA-256 is not that of the manifest");
  // QEMU inherits the descriptor with its position, and hashing may have moved that to the end.
  if (::lseek(fd->get(), 0, SEEK_SET) != 0)
    return tl::unexpected(snapshot_refusal{system_error_sentence("rewind", path), false});
  return std::move(*fd);
}

tl::expected<verified_snapshot, snapshot_refusal> snapshot_store::open(const std::string& id,
                                                                       const host_facts& host) {
  if (!is_plain_id(id)) return damaged("there is no snapshot " + id);
  return open_folder(root_ / id, host);
}

tl::expected<verified_snapshot, snapshot_refusal> snapshot_store::open_sealed(
    const fs::path& vm_directory, const host_facts& host) {
  return open_folder(vm_directory, host);
}

tl::expected<sealed_manifest, snapshot_refusal> snapshot_store::read_for(
    const fs::path& folder, const host_facts& host) const {
  std::error_code ignored;
  if (!fs::exists(folder / manifest_name, ignored))
    return damaged("there is no snapshot " + folder.filename().string());
  auto sealed = read_manifest(folder);
  if (!sealed) return damaged("the snapshot is damaged: " + sealed.error());
  const auto different = differences(sealed->content, host);
  if (different.empty()) return std::move(*sealed);
  std::string reason(stale_snapshot);
  for (const auto& difference : different)
    reason += (&difference == &different.front() ? "" : "; ") + difference;
  return tl::unexpected(snapshot_refusal{std::move(reason), false, true});
}

tl::expected<verified_snapshot, snapshot_refusal> snapshot_store::open_folder(
    const fs::path& folder, const host_facts& host) {
  auto sealed = read_for(folder, host);
  if (!sealed) return tl::unexpected(sealed.error());
  verified_snapshot snapshot;
  snapshot.content = std::move(sealed->content);
  if (const auto opened = open_files(snapshot, folder); !opened)
    return tl::unexpected(opened.error());
  return snapshot;
}

tl::expected<void, snapshot_refusal> snapshot_store::open_files(verified_snapshot& snapshot,
                                                                const fs::path& folder) {
  std::optional<snapshot_refusal> refusal;
  const auto open_part = [&](const std::string& name, const file_facts& facts,
                             identity_by how = identity_by::content_change) {
    if (refusal) return unique_fd();
    auto fd = open_checked(folder / name, facts, how);
    if (!fd) refusal = fd.error();
    return fd ? std::move(*fd) : unique_fd();
  };
  const auto& content = snapshot.content;
  snapshot.base = open_part(base_disk_name, content.base);
  for (std::size_t i = 0; i < content.layers.size(); ++i)
    snapshot.layers.push_back(open_part(layer_name(i), content.layers[i]));
  snapshot.layers.push_back(open_part(disk_name, content.disk));
  snapshot.memory = open_part(memory_name, content.memory, never_linked);
  snapshot.state = open_part(state_name, content.state, never_linked);
  for (std::size_t i = 0; i < content.roms.size(); ++i)
    snapshot.roms.push_back(
        open_part(rom_file_name(i), {content.roms[i].length, content.roms[i].sha256}));
  if (refusal) return tl::unexpected(std::move(*refusal));
  return {};
}

tl::expected<snapshot_info, std::string> snapshot_store::describe(const std::string& id) const {
  if (!is_plain_id(id)) return tl::unexpected("there is no snapshot " + id);
  const auto sealed = read_manifest(root_ / id);
  if (!sealed) return tl::unexpected(sealed.error());
  return info_of(sealed->content, sealed->sha256);
}

void snapshot_store::forget(const std::string& id) {
  std::error_code ignored;
  if (!is_plain_id(id)) return;
  fs::rename(root_ / id, forgotten(root_ / id), ignored);
  const std::lock_guard guard(made_by_mutex_);
  std::erase_if(made_by_, [&](const auto& made) { return made.second == id; });
}

void snapshot_store::delete_forgotten(const std::string& id) {
  if (is_plain_id(id)) remove_with_linked(forgotten(root_ / id));
}

}  // namespace platen::hypervisor::qemu
