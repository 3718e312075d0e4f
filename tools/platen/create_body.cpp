#include "tools/platen/create_body.hpp"

#include <charconv>

#include "tools/platen/entity.hpp"
#include "tools/platen/input.hpp"
#include "tools/platen/roms.hpp"

namespace platen::cli {
namespace {

using nlohmann::json;

std::optional<std::uint64_t> whole_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

result<std::uint64_t> seconds_of(const std::string& option, const std::string& text) {
  auto digits = text;
  std::uint64_t factor = 1;
  if (!digits.empty() && (digits.back() == 's' || digits.back() == 'm')) {
    factor = digits.back() == 'm' ? 60 : 1;
    digits.pop_back();
  }
  const auto value = whole_number(digits);
  if (!value)
    return fail(exit_code::usage,
                option + ": expected seconds such as 60, 60s or 5m, found '" + text + "'");
  return *value * factor;
}

result<json> environment(const std::vector<std::string>& pairs) {
  json env = json::object();
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(exit_code::usage, "--env: expected NAME=value, found '" + pair + "'");
    env[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return env;
}

std::optional<std::uint16_t> port_number(const std::string& text) {
  const auto value = whole_number(text);
  if (!value || *value == 0 || *value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

json handlers_of(const std::string& text) {
  json handlers = json::array();
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find('+', begin), text.size());
    handlers.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return handlers;
}

result<json> service(const std::string& option) {
  const auto slash = option.find('/');
  const auto numbers = option.substr(0, slash);
  const auto colon = numbers.find(':');
  const auto port = port_number(numbers.substr(0, colon));
  const auto destination =
      colon == std::string::npos ? port : port_number(numbers.substr(colon + 1));
  if (!port || !destination)
    return fail(exit_code::usage,
                "--port: expected PORT[:GUEST_PORT][/HANDLERS] such as 443:8080/tls+http, found '" +
                    option + "'");
  json out{{"port", *port}, {"destination_port", *destination}};
  if (slash != std::string::npos) out["handlers"] = handlers_of(option.substr(slash + 1));
  return out;
}

result<json> read_services(const std::vector<std::string>& options) {
  json list = json::array();
  for (const auto& option : options) {
    auto one = service(option);
    if (!one) return one;
    list.push_back(*std::move(one));
  }
  return list;
}

result<json> read_body(const std::string& file) {
  const auto text = read_input(file);
  if (!text) return fail(exit_code::usage, "--file: cannot read " + file);
  auto body = json::parse(*text, nullptr, false);
  if (!body.is_object()) return fail(exit_code::usage, "--file: " + file + " holds no JSON object");
  return body;
}

// The members that describe a VM: the whole body's without a template, create_args' with one.
result<json> machine(const create_wish& wish, const std::string& image) {
  json out = json::object();
  if (!image.empty()) out["image"] = image;
  if (!wish.args.empty()) out["args"] = wish.args;
  if (wish.memory_mb) out["memory_mb"] = *wish.memory_mb;
  if (wish.vcpus) out["vcpus"] = *wish.vcpus;
  if (!wish.env.empty()) {
    auto env = environment(wish.env);
    if (!env) return env;
    out["env"] = *std::move(env);
  }
  return out;
}

result<json> template_block(const create_wish& wish) {
  json block{{"name", wish.template_name}};
  auto create_args = machine(wish, wish.from);
  if (!create_args) return create_args;
  if (wish.from.empty() && !create_args->empty())
    return fail(
        exit_code::usage,
        "--memory, --vcpus, --env and arguments describe a template that is prepared; add --from");
  if (wish.from.empty()) return block;
  block["prepare"] = true;
  block["create_args"] = *std::move(create_args);
  if (!wish.prepare_timeout.empty()) {
    const auto seconds = seconds_of("--prepare-timeout", wish.prepare_timeout);
    if (!seconds) return tl::unexpected(seconds.error());
    block["prepare_timeout_s"] = *seconds;
  }
  if (wish.autokill_ms) block["autokill"] = {{"time_ms", *wish.autokill_ms}};
  return block;
}

result<void> check_sources(const create_wish& wish) {
  const int sources = (wish.file.empty() ? 0 : 1) + (wish.template_name.empty() ? 0 : 1) +
                      (wish.image.empty() ? 0 : 1);
  if (sources != 1) return fail(exit_code::usage, "give one of --template, --image and --file");
  if (wish.template_name.empty() && !wish.from.empty())
    return fail(exit_code::usage, "--from names the image of a template; add --template NAME");
  if (wish.no_start && (wish.wait || wish.timeout_s))
    return fail(exit_code::usage,
                "--no-start leaves nothing to wait for; drop --wait or --timeout");
  return {};
}

result<json> described_body(const create_wish& wish) {
  json body = json::object();
  if (wish.template_name.empty()) {
    auto vm = machine(wish, wish.image);
    if (!vm) return vm;
    body = *std::move(vm);
  } else {
    auto block = template_block(wish);
    if (!block) return block;
    body["template"] = *std::move(block);
  }
  auto roms = inline_roms(wish.roms, wish.rom_texts);
  if (!roms) return roms;
  if (!roms->empty()) body["roms"] = *std::move(roms);
  auto ports = read_services(wish.ports);
  if (!ports) return ports;
  if (!ports->empty()) body["service_group"]["services"] = *std::move(ports);
  if (!wish.service_group.empty()) body["service_group"] = reference_to(wish.service_group);
  if (!wish.scale_to_zero.empty()) {
    auto scaling = scale_to_zero_of(wish.scale_to_zero);
    if (!scaling) return scaling;
    body["scale_to_zero"] = *std::move(scaling);
  }
  body["autostart"] = !wish.no_start;
  return body;
}

}  // namespace

result<json> create_body(const create_wish& wish) {
  if (auto checked = check_sources(wish); !checked) return tl::unexpected(checked.error());
  auto body = wish.file.empty() ? described_body(wish) : read_body(wish.file);
  if (!body) return body;
  if (!wish.name.empty()) (*body)["name"] = wish.name;
  if (wish.timeout_s)
    (*body)["timeout_s"] = *wish.timeout_s;
  else if (wish.wait)
    (*body)["timeout_s"] = -1;
  return body;
}

result<json> scale_to_zero_of(const std::string& option) {
  const auto wrong = [&] {
    return fail(exit_code::usage,
                "--scale-to-zero: expected on, idle or off, then ,stateful, ,cooldown=MS and "
                ",notify=MS as wished, found '" +
                    option + "'");
  };
  json out = json::object();
  std::size_t begin = 0;
  while (begin <= option.size()) {
    const auto end = std::min(option.find(',', begin), option.size());
    const auto part = option.substr(begin, end - begin);
    begin = end + 1;
    constexpr std::string_view cooldown = "cooldown=";
    constexpr std::string_view notify = "notify=";
    if (out.empty()) {
      if (part != "on" && part != "idle" && part != "off") return wrong();
      out["policy"] = part;
    } else if (part == "stateful") {
      out["stateful"] = true;
    } else if (part.starts_with(cooldown)) {
      const auto ms = whole_number(part.substr(cooldown.size()));
      if (!ms) return wrong();
      out["cooldown_time_ms"] = *ms;
    } else if (part.starts_with(notify)) {
      const auto ms = whole_number(part.substr(notify.size()));
      if (!ms) return wrong();
      out["notify_time_ms"] = *ms;
    } else {
      return wrong();
    }
  }
  return out;
}

result<json> services_body(const std::vector<std::string>& ports) {
  return read_services(ports);
}

}  // namespace platen::cli
