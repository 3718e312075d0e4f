#include "tools/platend/config.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/temporary_directory.hpp"

namespace {

using namespace platen::platend;
using platen::tests::temporary_directory;

struct given {
  std::map<std::string, std::string> flags = {};
  std::map<std::string, std::string> variables = {};
  std::string file = {};
};

tl::expected<config, std::string> load(const given& values) {
  const temporary_directory directory;
  config_sources sources;
  sources.flags = values.flags;
  sources.environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = values.variables.find(name);
    return found == values.variables.end() ? std::nullopt : std::optional(found->second);
  };
  if (!values.file.empty()) sources.file = directory.write("platend.toml", values.file);
  return load_config(sources);
}

std::string error_of(const given& values) {
  const auto loaded = load(values);
  REQUIRE_FALSE(loaded.has_value());
  const auto slash = loaded.error().rfind("/platend.toml");
  return slash == std::string::npos ? loaded.error() : loaded.error().substr(slash + 1);
}

}  // namespace

TEST_CASE("without any configuration the daemon listens on loopback with real VMs") {
  const auto loaded = load({});
  REQUIRE(loaded.has_value());
  CHECK(loaded->listen_host == "127.0.0.1");
  CHECK(loaded->listen_port == 8480);
  CHECK(loaded->hypervisor == hypervisor_kind::qemu);
  CHECK_FALSE(loaded->stop_vms_on_exit);
  CHECK(loaded->token_file.empty());
}

TEST_CASE(
    "a flag wins over the environment, the environment over the file, the file over the default") {
  given values;
  CHECK(load(values)->max_instances == 4096);
  values.file = "max_instances = 1\n";
  CHECK(load(values)->max_instances == 1);
  values.variables["PLATEN_MAX_INSTANCES"] = "2";
  CHECK(load(values)->max_instances == 2);
  values.flags["max_instances"] = "3";
  CHECK(load(values)->max_instances == 3);
}

TEST_CASE("every key can be set by a flag, a variable and a line of the file") {
  const std::map<std::string, std::string> samples{
      {"listen", "127.0.0.1:1"}, {"hypervisor", "sim"},  {"accelerator", "tcg"},
      {"log_level", "debug"},    {"data", "/somewhere"}, {"token_file", "/token"},
      {"guest_dir", "/guest"},   {"qemu_binary", "qemu"}};
  for (const auto& key : config_keys()) {
    const std::string name(key.name);
    INFO(name);
    if (name.starts_with("factory_")) continue;  // factory_config_test.cpp
    const auto sample = samples.find(name);
    const std::string text = sample != samples.end()           ? sample->second
                             : key.kind == value_kind::boolean ? "true"
                             : key.fallback.empty()            ? "/somewhere"
                                                               : std::string(key.fallback);
    const auto in_file = key.kind == value_kind::text ? "\"" + text + "\"" : text;
    CHECK(load({.flags = {{name, text}}}).has_value());
    CHECK(load({.variables = {{key.variable(), text}}}).has_value());
    CHECK(load({.file = name + " = " + in_file + "\n"}).has_value());
  }
}

TEST_CASE("an unknown key is refused with its line and the nearest known one") {
  CHECK(error_of({.file = "\nmax_instnaces = 4\n"}) ==
        "platend.toml:2: max_instnaces: unknown key; did you mean 'max_instances'?");
}

TEST_CASE("a key that resembles nothing is refused without a guess") {
  CHECK(error_of({.file = "q = 4\n"}) == "platend.toml:1: q: unknown key");
}

TEST_CASE("a bad value in the file is reported with file, line, key and what was expected") {
  CHECK(error_of({.file = "log_level = \"info\"\nmax_templates = 0\n"}) ==
        "platend.toml:2: max_templates: expected an integer from 1 to 4294967295, found '0'");
  CHECK(error_of({.file = "stop_vms_on_exit = \"yes\"\n"}) ==
        "platend.toml:1: stop_vms_on_exit: expected true or false");
  CHECK(error_of({.file = "max_templates = \"many\"\n"}) ==
        "platend.toml:1: max_templates: expected an integer");
}

TEST_CASE("a file that is not TOML is reported with its line") {
  CHECK(error_of({.file = "log_level = \"info\"\nmax_templates = = 3\n"})
            .rfind("platend.toml:2: ", 0) == 0);
}

TEST_CASE("a bad value elsewhere names the flag or the variable") {
  CHECK(error_of({.flags = {{"hypervisor", "xen"}}}) ==
        "--hypervisor: expected one of qemu, sim, found 'xen'");
  CHECK(error_of({.variables = {{"PLATEN_LOG_LEVEL", "loud"}}}) ==
        "PLATEN_LOG_LEVEL: expected one of trace, debug, info, warn, error, found 'loud'");
}

TEST_CASE("a missing configuration file is an error") {
  config_sources sources;
  sources.environment = [](const std::string&) { return std::nullopt; };
  sources.file = "no/such/platend.toml";
  CHECK(load_config(sources).error() == "no/such/platend.toml: no such configuration file");
}

TEST_CASE("addresses that are not HOST:PORT are refused") {
  for (const auto* text :
       {"8480", ":8480", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000", "::1:80"})
    CHECK(error_of({.flags = {{"listen", text}}}).find("expected HOST:PORT") != std::string::npos);
}

TEST_CASE("an IPv6 address is written in brackets") {
  const auto loaded = load({.flags = {{"listen", "[::1]:9000"}}});
  REQUIRE(loaded.has_value());
  CHECK(loaded->listen_host == "::1");
  CHECK(loaded->listen_port == 9000);
}

TEST_CASE("an address that other machines reach needs a token of the operator's own") {
  CHECK(error_of({.flags = {{"listen", "0.0.0.0:8480"}}}).find("set token_file") !=
        std::string::npos);
  CHECK(load({.flags = {{"listen", "0.0.0.0:8480"}, {"token_file", "/etc/platen/token"}}})
            .has_value());
}
