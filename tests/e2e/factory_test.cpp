// The steps of Kata's document on VM templating, with the simulated hypervisor.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;

const std::string section =
    "[factory]\nenable_template = true\nimage = \"any:v1\"\ndefault_memory = 256\n";

// A world whose daemons read this configuration file, which may be changed between two of them.
struct configured {
  explicit configured(const std::string& text)
      : sim(new world({"--hypervisor", "sim", "--config", file().string()})) {
    write(text);
    sim->start_daemon();
  }
  std::filesystem::path file() const { return folder.path() / "platend.toml"; }
  void write(const std::string& text) const { folder.write("platend.toml", text); }
  world* operator->() const { return sim.get(); }

  temporary_directory folder;
  std::unique_ptr<world> sim;
};

finished factory(const configured& on, const std::string& verb) {
  return on->platen({"factory", verb});
}

json status(const configured& on) {
  auto asked = on->platen({"factory", "status", "--json"});
  return json::parse(asked.out);
}

json create(const configured& on, const std::string& name, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"instance", "create", "--name",   name, "--image",
                                     "any:v1",   "--wait", "--memory", "256"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return on->platen_json(std::move(arguments));
}

}  // namespace

TEST_CASE("a factory that is not enabled is off, and exit codes say so") {
  const configured host("");
  const auto asked = factory(host, "status");
  CHECK(asked.code == 1);
  CHECK(asked.out.find("VM factory is off: ") == 0);
  CHECK(asked.out.find("enable_template") != std::string::npos);
  const auto refused = factory(host, "init");
  CHECK(refused.code == 1);
  CHECK(refused.err.find("enable_template") != std::string::npos);
  CHECK(host->count_events("TemplateRequested") == 0);
  CHECK_FALSE(create(host, "one").contains("template"));
}

TEST_CASE("init, status, clones, destroy: the document's steps one after another") {
  const configured host(section);
  CHECK(factory(host, "status").code == 1);
  CHECK(status(host)["reason"] == "not_prepared");
  // Nothing is made before somebody asks for it.
  CHECK_FALSE(create(host, "before").contains("template"));

  const auto made = factory(host, "init");
  INFO(made.err);
  CHECK(made.code == 0);
  CHECK(made.out == "VM factory initialized\n");
  CHECK(factory(host, "status").code == 0);
  CHECK(factory(host, "status").out.find("VM factory is on\n") == 0);

  const auto clone = create(host, "clone");
  CHECK(clone["lifecycle"] == "running");
  CHECK(clone["template"]["name"] == "vm-factory");
  CHECK(status(host)["clone_count"] == 1);

  const auto gone = factory(host, "destroy");
  CHECK(gone.code == 0);
  CHECK(gone.out.find("VM factory destroyed") == 0);
  CHECK(factory(host, "status").code == 1);
  CHECK(host->instance("clone")["lifecycle"] == "running");
  CHECK_FALSE(create(host, "after").contains("template"));
  const auto again = factory(host, "destroy");
  CHECK(again.code == 0);
  CHECK(again.out == "VM factory was off: there was no template\n");
}

TEST_CASE("an instance that differs from the factory's boots, and is told why") {
  const configured host(section);
  REQUIRE(factory(host, "init").code == 0);
  const auto made = host->platen(
      {"instance", "create", "--name", "small", "--image", "any:v1", "--wait", "--memory", "128"});
  CHECK(made.code == 0);
  CHECK(made.err.find("booted, not cloned from the factory's template: 'memory_mb' differs") !=
        std::string::npos);
  CHECK_FALSE(host->instance("small").contains("template"));
  const auto own = host->platen_json({"instance", "create", "--name", "own", "--template", "web",
                                      "--from", "any:v1", "--memory", "256", "--wait"});
  CHECK(own["template"]["name"] == "web");
}

TEST_CASE("concurrent inits make one template") {
  const configured host(section);
  std::vector<finished> ends(8);
  {
    std::vector<std::jthread> clients;
    for (auto& end : ends)
      clients.emplace_back([&] { end = factory(host, "init"); });
  }
  for (const auto& end : ends) {
    INFO(end.err);
    CHECK(end.code == 0);
  }
  CHECK(host->count_events("TemplateRequested") == 1);
  CHECK(host->count_events("PreparationStarted") == 1);
  CHECK(factory(host, "init").out == "VM factory was initialized already\n");
}

TEST_CASE("init can be left alone, and destroy takes away what it has begun") {
  const configured host(section);
  const auto begun = host->platen({"factory", "init", "--timeout", "0"});
  CHECK(begun.code == 0);
  CHECK(begun.out == "VM factory is being initialized\n");
  const auto gone = factory(host, "destroy");
  CHECK(gone.code == 0);
  CHECK(status(host)["reason"] == "not_prepared");
  CHECK(host->platen_json({"template", "ls"}).empty());
}

TEST_CASE("a factory of another configuration is stale until init makes it anew") {
  configured host(section);
  REQUIRE(factory(host, "init").code == 0);
  const auto first = status(host)["template"]["uuid"];
  host->stop_daemon();
  host.write(section + "default_vcpus = 2\n");
  host->start_daemon();
  CHECK(status(host)["reason"] == "stale");
  CHECK(status(host)["why"].get<std::string>().find("'vcpus' differs") != std::string::npos);
  CHECK_FALSE(create(host, "meanwhile", {"--vcpus", "2"}).contains("template"));
  REQUIRE(factory(host, "init").code == 0);
  CHECK(status(host)["state"] == "on");
  CHECK(status(host)["template"]["uuid"] != first);
  CHECK(create(host, "clone", {"--vcpus", "2"})["template"]["name"] == "vm-factory");
}

TEST_CASE("a factory whose files are gone is off with the reason until init makes it anew") {
  configured host(section);
  REQUIRE(factory(host, "init").code == 0);
  host->kill_daemon();
  // The simulated hypervisor forgets its snapshots with its process, as a tmpfs does with its host.
  host->start_daemon();
  const auto now = status(host);
  CHECK(now["reason"] == "failed");
  CHECK(now["why"] == "verify: the snapshot's files are gone");
  CHECK_FALSE(create(host, "meanwhile").contains("template"));
  REQUIRE(factory(host, "init").code == 0);
  CHECK(create(host, "clone")["template"]["name"] == "vm-factory");
}
