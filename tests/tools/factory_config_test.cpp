// The section [factory] of platend's configuration.
#include <catch2/catch.hpp>

#include "tests/tools/temporary_directory.hpp"
#include "tools/platend/config.hpp"

namespace {

using namespace platen::platend;
using platen::tests::temporary_directory;

const std::string enabled = "enable_template = true\nimage = \"team/app:v1\"\n";

tl::expected<config, std::string> load(const std::string& file,
                                       std::map<std::string, std::string> flags = {}) {
  const temporary_directory directory;
  config_sources sources;
  sources.environment = [](const std::string&) { return std::optional<std::string>(); };
  sources.flags = std::move(flags);
  sources.file = directory.write("platend.toml", file);
  return load_config(sources);
}

// Without the file's directory, which is another one each time.
std::string error_of(const std::string& file, std::map<std::string, std::string> flags = {}) {
  const auto loaded = load(file, std::move(flags));
  REQUIRE_FALSE(loaded.has_value());
  const auto name = loaded.error().find("platend.toml");
  return name == std::string::npos ? loaded.error() : loaded.error().substr(name);
}

bool mentions(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

// A folder with a guest bundle in it.
void write_bundle(const temporary_directory& into) {
  into.write("vmlinuz", "kernel");
  into.write("initramfs.cpio", "initramfs");
  into.write("bundle.json", R"({"kernel": "vmlinuz", "initramfs": "initramfs.cpio"})");
}

}  // namespace

TEST_CASE("without a section [factory] there is none") {
  const auto loaded = load("");
  REQUIRE(loaded);
  CHECK_FALSE(loaded->factory_enable_template);
  CHECK(loaded->factory_template_path.empty());
}

TEST_CASE("the document's settings are taken, all of them in one section") {
  const auto loaded = load("[factory]\n" + enabled +
                           "template_path = \"/run/platen/template\"\n"
                           "path = \"/opt/qemu\"\ndefault_memory = 512\ndefault_vcpus = 2\n"
                           "shared_fs = \"none\"\ninit_timeout = 60\n");
  if (!loaded) FAIL(loaded.error());
  CHECK(loaded->factory_enable_template);
  CHECK(loaded->factory_image == "team/app:v1");
  CHECK(loaded->factory_template_path == "/run/platen/template");
  CHECK(loaded->qemu_binary == "/opt/qemu");
  CHECK(loaded->factory_default_memory == 512);
  CHECK(loaded->factory_default_vcpus == 2);
  CHECK(loaded->factory_init_timeout == 60);
}

TEST_CASE("keys of the factory are flags as well, and belong into its section of the file") {
  const auto loaded =
      load("", {{"factory_enable_template", "true"}, {"factory_image", "team/app:v1"}});
  REQUIRE(loaded);
  CHECK(loaded->factory_enable_template);
  CHECK(error_of("factory_image = \"a:b\"\n") ==
        "platend.toml:1: factory_image: write it as 'image' in the section [factory]");
}

TEST_CASE("an unknown key of the section is refused with the nearest known one") {
  CHECK(error_of("[factory]\nenable_templates = true\n") ==
        "platend.toml:2: factory.enable_templates: unknown key; did you mean 'enable_template'?");
  CHECK(mentions(error_of("[factory]\nmax_instances = 2\n"), "unknown key"));
}

TEST_CASE("a factory needs an image, and that is no disk of a guest's system") {
  CHECK(mentions(error_of("[factory]\nenable_template = true\n"),
                 "factory.image: enable_template needs it"));
  for (const std::string file : {"/usr/share/kata/kata.img", "./rootfs", "guest.qcow2"}) {
    const auto error = error_of("[factory]\nimage = \"" + file + "\"\n");
    CHECK(mentions(error, "platend.toml:2: factory.image: "));
    CHECK(mentions(error, "starts from the initrd"));
  }
}

TEST_CASE("a templated VM has 256 MiB at least, and only a templated one has to") {
  const auto error = error_of("[factory]\n" + enabled + "default_memory = 255\n");
  CHECK(mentions(error, "platend.toml:4: factory.default_memory: "));
  CHECK(mentions(error, "at least 256 MiB, found 255"));
  CHECK(load("[factory]\n" + enabled + "default_memory = 256\n"));
  CHECK(load("[factory]\ndefault_memory = 128\n"));
  CHECK(load("[factory]\n" + enabled)->factory_default_memory == 256);
}

TEST_CASE("a shared file system is refused with the reason") {
  const auto error = error_of("[factory]\nshared_fs = \"virtio-fs\"\n");
  CHECK(mentions(error, "platend.toml:2: factory.shared_fs: 'virtio-fs' cannot be used"));
  CHECK(mentions(error, "mapped shared with the host"));
}

TEST_CASE("QEMU is named once") {
  const auto error = error_of("qemu_binary = \"qemu-a\"\n[factory]\npath = \"qemu-b\"\n");
  CHECK(mentions(error, "platend.toml:3: factory.path: qemu_binary names another program, qemu-a"));
  CHECK(load("qemu_binary = \"qemu-a\"\n[factory]\npath = \"qemu-a\"\n"));
}

TEST_CASE("kernel and initrd name the guest bundle they belong to") {
  const temporary_directory guest;
  write_bundle(guest);
  const auto here = [&](const std::string& name) {
    return "\"" + (guest.path() / name).string() + "\"\n";
  };
  const auto both =
      load("[factory]\nkernel = " + here("vmlinuz") + "initrd = " + here("initramfs.cpio"));
  if (!both) FAIL(both.error());
  CHECK(both->guest_dir == guest.path());
  CHECK(load("[factory]\ninitrd = " + here("initramfs.cpio"))->guest_dir == guest.path());

  guest.write("other", "another kernel");
  CHECK(mentions(error_of("[factory]\nkernel = " + here("other")),
                 "factory.kernel: the kernel of the bundle is"));
  CHECK(mentions(error_of("[factory]\ninitrd = " + here("vmlinuz")),
                 "factory.initrd: the initramfs of the bundle is"));
  CHECK(
      mentions(error_of("[factory]\nkernel = \"/nowhere/vmlinuz\"\n"), "there is no guest bundle"));
  const auto other = error_of("guest_dir = \"/elsewhere\"\n[factory]\nkernel = " + here("vmlinuz"));
  CHECK(mentions(other, "factory.kernel: guest_dir names another guest, /elsewhere"));
}

TEST_CASE("a template_path is absolute and no file") {
  CHECK(mentions(error_of("[factory]\ntemplate_path = \"templates\"\n"),
                 "platend.toml:2: factory.template_path: expected an absolute path"));
  const temporary_directory some;
  some.write("file", "");
  CHECK(
      mentions(error_of("[factory]\ntemplate_path = \"" + (some.path() / "file").string() + "\"\n"),
               "is not a directory"));
}
