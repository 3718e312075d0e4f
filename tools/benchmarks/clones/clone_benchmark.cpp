// One series of VMs: `platen cold|clone`, or `plain boot|incoming|loadvm`. Prints it as JSON.
// Called by tools/bench, which knows in which order, and how often.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <stdexcept>

#include "tools/benchmarks/clones/plain_starter.hpp"
#include "tools/benchmarks/clones/platen_starter.hpp"

namespace {

using namespace platen::benchmarks;

void print(const series_plan& plan, vm_starter& starter) {
  const auto series = run_series(plan, starter);
  std::cout << series.dump() << std::endl;
}

void add_common_options(CLI::App& app, series_plan& plan) {
  app.add_option("--method", plan.method, "What the series is called")->required();
  app.add_option("--count", plan.count, "VMs")->check(CLI::Range(1, 1000));
  app.add_option("--at-once", plan.at_once, "VMs being started at a time")
      ->check(CLI::Range(1, 64));
  app.add_option("--memory", plan.memory_mb, "Of each VM, in MB")->check(CLI::Range(96, 65536));
  app.add_option("--place", plan.place, "Folder of the VMs' files")->required();
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app("Starts a series of VMs and measures them");
  app.require_subcommand(1);
  series_plan plan;

  platen_target daemon;
  auto& platen = *app.add_subcommand("platen", "Instances of a running platend");
  add_common_options(platen, plan);
  platen.add_option("--url", daemon.url)->required();
  platen.add_option("--token", daemon.token)->required();
  platen.add_option("--group", daemon.group, "Service group of the instances")->required();
  platen.add_option("--image", daemon.image, "Booted");
  platen.add_option("--template", daemon.templ, "Cloned instead");
  platen.add_option("--warm-up-ms", daemon.warm_up, "Of the booted demo image");
  platen.add_flag("--await-pool", daemon.await_pool, "Wait for a warm clone before each start");

  plain_target machine;
  std::string method = "boot";
  auto& plain = *app.add_subcommand("plain", "QEMU alone");
  add_common_options(plain, plan);
  plain.add_option("--way", method)->check(CLI::IsMember({"boot", "incoming", "loadvm"}));
  plain.add_option("--images", machine.images, "platend's folder of images")->required();
  plain.add_option("--image", machine.image)->required();
  plain.add_option("--warm-up-ms", machine.warm_up);
  CLI11_PARSE(app, count, arguments);

  try {
    std::unique_ptr<vm_starter> starter;
    if (platen.parsed()) {
      daemon.place = plan.place;
      starter = make_platen_starter(daemon, plan.memory_mb);
    } else {
      const std::map<std::string, plain_method> ways{{"boot", plain_method::boot},
                                                     {"incoming", plain_method::incoming},
                                                     {"loadvm", plain_method::loadvm}};
      machine.method = ways.at(method);
      machine.place = plan.place;
      starter = make_plain_starter(machine, plan.memory_mb);
    }
    print(plan, *starter);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
