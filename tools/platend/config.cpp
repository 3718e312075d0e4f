#include "tools/platend/config.hpp"

#include <arpa/inet.h>
#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "actors/service/settings.hpp"
#include "tools/common/defaults.hpp"
#include "tools/common/nearest.hpp"
#include "tools/platend/factory_rules.hpp"

namespace platen::platend {
namespace {

using outcome = tl::expected<void, std::string>;
using setter = std::function<outcome(config&, const std::string&)>;

// ---- setters: one a kind of value --------------------------------------------------------------

template <class Number>
setter number(Number config::*member, Number least, Number most) {
  return [=](config& into, const std::string& text) -> outcome {
    Number value{};
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || value < least || value > most)
      return tl::unexpected("expected an integer from " + std::to_string(least) + " to " +
                            std::to_string(most) + ", found '" + text + "'");
    into.*member = value;
    return {};
  };
}

setter boolean(bool config::*member) {
  return [=](config& into, const std::string& text) -> outcome {
    if (text != "true" && text != "false")
      return tl::unexpected("expected true or false, found '" + text + "'");
    into.*member = text == "true";
    return {};
  };
}

template <class Enum>
setter one_of(Enum config::*member, std::vector<std::pair<std::string, Enum>> choices) {
  return [member, choices = std::move(choices)](config& into, const std::string& text) -> outcome {
    std::string names;
    for (const auto& [name, value] : choices) {
      if (name == text) {
        into.*member = value;
        return {};
      }
      names += (names.empty() ? "" : ", ") + name;
    }
    return tl::unexpected("expected one of " + names + ", found '" + text + "'");
  };
}

setter path(std::filesystem::path config::*member) {
  return [=](config& into, const std::string& text) -> outcome {
    if (text.empty()) return tl::unexpected(std::string("expected a path, found nothing"));
    into.*member = text;
    return {};
  };
}

outcome set_listen(config& into, const std::string& text) {
  const auto fault = [&] {
    return tl::unexpected("expected HOST:PORT such as 127.0.0.1:8480 or [::1]:8480, found '" +
                          text + "'");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return fault();
  auto host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    return fault();
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (host.empty() || error != std::errc{} || stop != end) return fault();
  into.listen_host = host;
  into.listen_port = port;
  return {};
}

outcome set_gateway(config& into, const std::string& text) {
  in6_addr any{};
  const bool numeric =
      inet_pton(AF_INET, text.c_str(), &any) == 1 || inet_pton(AF_INET6, text.c_str(), &any) == 1;
  if (text != "off" && !numeric)
    return tl::unexpected("expected a numeric address such as 127.0.0.1 or ::, or off, found '" +
                          text + "'");
  into.gateway = text == "off" ? "" : text;
  return {};
}

outcome set_base_domain(config& into, const std::string& text) {
  if (!actors::service_group::is_domain(text) || text.starts_with("*"))
    return tl::unexpected("expected a domain name in lower case, found '" + text + "'");
  into.base_domain = text;
  return {};
}

outcome set_factory_image(config& into, const std::string& text) {
  const auto fault = check_factory_image(text);
  if (fault) into.factory_image = text;
  return fault;
}

outcome set_shared_fs(config&, const std::string& text) {
  return check_shared_fs(text);
}

outcome set_log_level(config& into, const std::string& text) {
  static const std::vector<std::string> levels{"trace", "debug", "info", "warn", "error"};
  if (std::find(levels.begin(), levels.end(), text) == levels.end())
    return tl::unexpected("expected one of trace, debug, info, warn, error, found '" + text + "'");
  into.log_level = text;
  return {};
}

// ---- sources -----------------------------------------------------------------------------------

std::string spelled(std::string_view name, char separator, bool upper) {
  std::string out(name);
  for (auto& c : out) {
    if (c == '_') c = separator;
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// A value and where it was read, for messages: "--listen", "PLATEN_LISTEN", "platend.toml:3:
// listen".
struct found_value {
  std::string text;
  std::string where;
};
using found_values = std::map<std::string, found_value>;  // by key name

std::string_view name_of(value_kind kind) {
  switch (kind) {
    case value_kind::text:
      return "a string";
    case value_kind::integer:
      return "an integer";
    case value_kind::boolean:
      return "true or false";
  }
  return "";
}

std::optional<std::string> text_of(const toml::node& node, value_kind kind) {
  if (kind == value_kind::text && node.is_string()) return node.value<std::string>();
  if (kind == value_kind::integer && node.is_integer())
    return std::to_string(*node.value<std::int64_t>());
  if (kind == value_kind::boolean && node.is_boolean())
    return std::string(*node.value<bool>() ? "true" : "false");
  return std::nullopt;
}

// A key of a section is named `section_key` everywhere but in the file.
constexpr std::string_view section = "factory";
constexpr std::string_view section_prefix = "factory_";

// `prefix` is that of the section in which `name` stands, or empty.
std::string unknown_key(std::string_view name, std::string_view prefix) {
  std::vector<std::string> known;
  for (const auto& key : config_keys())
    if (key.name.starts_with(section_prefix) == !prefix.empty())
      known.emplace_back(key.name.substr(prefix.size()));
  const auto meant = tools::nearest(name, known);
  return "unknown key" + (meant ? "; did you mean '" + *meant + "'?" : std::string());
}

tl::expected<void, std::string> read_table(const toml::table& table, const std::string& file,
                                           std::string_view prefix, found_values& values) {
  for (const auto& [key, node] : table) {
    const auto shown = (prefix.empty() ? "" : std::string(section) + ".") + std::string(key.str());
    const auto where = file + ":" + std::to_string(key.source().begin.line) + ": " + shown;
    if (prefix.empty() && key.str() == section && node.is_table()) {
      if (auto read = read_table(*node.as_table(), file, section_prefix, values); !read)
        return read;
      continue;
    }
    if (prefix.empty() && key.str().starts_with(section_prefix))
      return tl::unexpected(where + ": write it as '" +
                            std::string(key.str().substr(section_prefix.size())) +
                            "' in the section [" + std::string(section) + "]");
    const auto name = std::string(prefix) + std::string(key.str());
    const auto& keys = config_keys();
    const auto known =
        std::find_if(keys.begin(), keys.end(), [&](auto& k) { return k.name == name; });
    if (known == keys.end()) return tl::unexpected(where + ": " + unknown_key(key.str(), prefix));
    auto text = text_of(node, known->kind);
    if (!text) return tl::unexpected(where + ": expected " + std::string(name_of(known->kind)));
    values[name] = {*std::move(text), where};
  }
  return {};
}

tl::expected<found_values, std::string> read_file(const std::filesystem::path& file) {
  std::error_code unreadable;
  if (!std::filesystem::is_regular_file(file, unreadable))
    return tl::unexpected(file.string() + ": no such configuration file");
  try {
    found_values values;
    const auto read = read_table(toml::parse_file(file.string()), file.string(), "", values);
    if (!read) return tl::unexpected(read.error());
    return values;
  } catch (const toml::parse_error& error) {
    return tl::unexpected(file.string() + ":" + std::to_string(error.source().begin.line) + ": " +
                          std::string(error.description()));
  }
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

}  // namespace

std::string config_key::flag() const {
  return "--" + spelled(name, '-', false);
}
std::string config_key::variable() const {
  return "PLATEN_" + spelled(name, '_', true);
}

const std::vector<config_key>& config_keys() {
  constexpr auto text = value_kind::text, integer = value_kind::integer;
  constexpr auto any = std::numeric_limits<std::uint32_t>::max();
  constexpr std::uint64_t mebibyte = 1ull << 20, tebibyte = 1ull << 40;
  static const std::string data_dir = tools::default_data_dir().string();
  static const std::string listen =
      std::string(tools::default_host) + ":" + std::to_string(tools::default_port);
  static const std::vector<config_key> keys{
      {"data", text, data_dir, "Directory of the log, images, VMs and token", path(&config::data)},
      {"listen", text, listen, "HOST:PORT of the API; other hosts than loopback need token_file",
       set_listen},
      {"hypervisor", text, "qemu", "qemu: real VMs; sim: none, for trying the API",
       one_of<hypervisor_kind>(&config::hypervisor,
                               {{"qemu", hypervisor_kind::qemu}, {"sim", hypervisor_kind::sim}})},
      {"accelerator", text, "auto", "auto: kvm if a probe guest runs under it, else tcg; kvm; tcg",
       one_of<accelerator_choice>(&config::accelerator, {{"auto", accelerator_choice::automatic},
                                                         {"kvm", accelerator_choice::kvm},
                                                         {"tcg", accelerator_choice::tcg}})},
      {"log_level", text, "info", "trace, debug, info, warn or error", set_log_level},
      {"token_file", text, "", "File with the API token; default: DATA/token, made at first start",
       path(&config::token_file)},
      {"tokens_file", text, "",
       "File with further tokens, lines of SCOPE TOKEN: each scope sees only what is its own",
       path(&config::tokens_file)},
      {"guest_dir", text, "",
       "Directory of the guest's kernel and initramfs; default: found beside "
       "the executable",
       path(&config::guest_dir)},
      {"qemu_binary", text, "qemu-system-x86_64", "The QEMU program", path(&config::qemu_binary)},
      {"stop_vms_on_exit", value_kind::boolean, "false", "Stop all VMs when the daemon is stopped",
       boolean(&config::stop_vms_on_exit)},
      {"stop_grace_ms", integer, "5000", "Milliseconds a guest has to end before it is killed",
       number<std::uint32_t>(&config::stop_grace_ms, 0, 600'000)},
      {"max_instances", integer, "4096", "Instances that may exist at once",
       number<std::uint32_t>(&config::max_instances, 1, any)},
      {"max_templates", integer, "1024", "Templates that may exist at once",
       number<std::uint32_t>(&config::max_templates, 1, any)},
      {"max_template_depth", integer, "16", "Templates that may be nested in one another",
       number<std::uint32_t>(&config::max_template_depth, 1, 64)},
      {"strict_templates", value_kind::boolean, "false",
       "Refuse a create whose create_args differ from those of the template that has the name",
       boolean(&config::strict_templates)},
      {"warm_pool_mb", integer, "256",
       "Memory, in MB, for clones kept restored and paused until they are asked for, or 0",
       number<std::uint32_t>(&config::warm_pool_mb, 0, any)},
      {"warm_pool_per_template", integer, "8", "Clones of one template kept ready at most",
       number<std::uint32_t>(&config::warm_pool_per_template, 1, 1024)},
      {"max_service_groups", integer, "4096", "Service groups that may exist at once",
       number<std::uint32_t>(&config::max_service_groups, 1, any)},
      {"gateway", text, "127.0.0.1",
       "Address at which the ports of service groups are served, or off", set_gateway},
      {"gateway_port_offset", integer, "8000",
       "Added to each port of a service group where it is served; 0 needs the right to open 443",
       number<std::uint16_t>(&config::gateway_port_offset, 0, 64'000)},
      {"gateway_connections", integer, "4096", "Client connections to the gateway at once",
       number<std::uint32_t>(&config::gateway_connections, 1, 1'000'000)},
      {"gateway_hold_seconds", integer, "60",
       "Seconds a request waits for an instance that is on its way",
       number<std::uint32_t>(&config::gateway_hold_seconds, 1, 3600)},
      {"base_domain", text, "localhost",
       "Domain below which service groups get theirs: example becomes example.localhost",
       set_base_domain},
      {"checkpoint_events", integer, "10000", "Events after which a signed checkpoint is written",
       number<std::uint64_t>(&config::checkpoint_events, 100, 1'000'000)},
      {"checkpoint_seconds", integer, "60", "Seconds after an event until it is in a checkpoint",
       number<std::uint32_t>(&config::checkpoint_seconds, 1, 86'400)},
      {"checkpoint_key", text, "",
       "Ed25519 key (PEM) that signs checkpoints; default: "
       "DATA/checkpoint-key.pem, made at first start",
       path(&config::checkpoint_key)},
      {"witness", text, "",
       "File, best on another machine's disk, to which each checkpoint's head is added",
       path(&config::witness)},
      {"image_upload_max_bytes", integer, "8589934592", "Largest image archive accepted",
       number<std::uint64_t>(&config::image_upload_max_bytes, mebibyte, tebibyte)},
      {"image_content_max_bytes", integer, "8589934592", "Largest image content, unpacked",
       number<std::uint64_t>(&config::image_content_max_bytes, mebibyte, tebibyte)},
      {"archive", text, "",
       "Directory that old events are archived to, relative to data; default: none are",
       path(&config::archive)},
      {"keep_events", integer, "1000000", "Newest events that are not archived",
       number<std::uint64_t>(&config::keep_events, 1000, 1'000'000'000'000)},
      {"segment_events", integer, "100000", "Events in each file of the archive",
       number<std::uint64_t>(&config::segment_events, 1000, 1'000'000)},
      {"factory_enable_template", value_kind::boolean, "false",
       "Clone instances that name no template from the factory's, see `platen factory`",
       boolean(&config::factory_enable_template)},
      {"factory_template_path", text, "",
       "Directory, best on a tmpfs, of the memory and state of templates; default: with the rest "
       "of each in DATA/templates",
       path(&config::factory_template_path)},
      {"factory_path", text, "", "The QEMU program: another name of qemu_binary",
       path(&config::factory_path)},
      {"factory_kernel", text, "", "The kernel in guest_dir: another way to name that",
       path(&config::factory_kernel)},
      {"factory_initrd", text, "", "The initramfs in guest_dir: another way to name that",
       path(&config::factory_initrd)},
      {"factory_image", text, "", "What the factory's VMs run: an image of the image store",
       set_factory_image},
      {"factory_default_memory", integer, "256", "MiB of the factory's VMs, 256 at least",
       number<std::uint32_t>(&config::factory_default_memory, 64, 16384)},
      {"factory_default_vcpus", integer, "1", "Virtual processors of the factory's VMs",
       number<std::uint32_t>(&config::factory_default_vcpus, 1, 8)},
      {"factory_shared_fs", text, "", "none: file systems are not shared with templated VMs",
       set_shared_fs},
      {"factory_init_timeout", integer, "300",
       "Seconds after which the preparation of the factory's template is given up; 0: never",
       number<std::uint32_t>(&config::factory_init_timeout, 0, 86'400)},
  };
  return keys;
}

tl::expected<config, std::string> load_config(const config_sources& sources) {
  found_values in_file;
  if (sources.file) {
    auto read = read_file(*sources.file);
    if (!read) return tl::unexpected(read.error());
    in_file = *std::move(read);
  }
  config made;
  std::string listen_from;
  factory_places said_at;
  for (const auto& key : config_keys()) {
    const std::string name(key.name);
    found_value value{std::string(key.fallback), "default of " + name};
    if (const auto flag = sources.flags.find(name); flag != sources.flags.end())
      value = {flag->second, key.flag()};
    else if (auto variable = sources.environment(key.variable()))
      value = {*std::move(variable), key.variable()};
    else if (const auto line = in_file.find(name); line != in_file.end())
      value = line->second;
    else if (key.fallback.empty())
      continue;
    if (auto set = key.set(made, value.text); !set)
      return tl::unexpected(value.where + ": " + set.error());
    if (name == "listen") listen_from = value.where;
    said_at[name] = value.where;
  }
  if (!is_loopback(made.listen_host) && made.token_file.empty())
    return tl::unexpected(listen_from + ": '" + made.listen_host +
                          "' is reachable from other machines; set token_file to a file with a "
                          "token of your own, or listen on 127.0.0.1");
  if (auto settled = settle_factory(made, said_at); !settled)
    return tl::unexpected(settled.error());
  return made;
}

}  // namespace platen::platend
