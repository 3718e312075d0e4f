#include "tools/platen/log/narrator.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/events/every_event.hpp"
#include "tests/tools/log/written_log.hpp"

using namespace platen;
using namespace platen::cli;

namespace {

narrator told_of(const tests::written_log& log, const std::string& what) {
  const auto copy = spool::of(log.log());
  REQUIRE(copy);
  narrator story(find_subject(*copy, *read_names(*copy), what).value());
  for (const auto& event : log.all())
    story.note(event);
  return story;
}

std::vector<std::string> lines_of(const narrator& story) {
  std::vector<std::string> out;
  for (const auto& step : story.steps())
    out.push_back(step.who + ": " + step.text);
  return out;
}

bool tells(const narrator& story, const std::string& text) {
  const auto lines = lines_of(story);
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

// An instance that waits for a template whose preparation fails.
void write_failure(tests::written_log& log) {
  log.at(0).add(tests::template_stream(1), tests::wanted_template("web"));
  log.add(tests::instance_stream(2), tests::wanted_clone("one", 1));
  log.add(tests::instance_stream(2), events::instance_start_requested{});
  events::preparation_started started;
  started.attempt = 1;
  log.at(1).add(tests::template_stream(1), started);
  events::preparation_failed failed;
  failed.attempt = 1;
  failed.stage = "boot";
  failed.reason = "the kernel panicked";
  failed.console_tail = "Kernel panic\x1b[2J - not syncing";
  failed.retry_after_ms = 1000;
  log.at(5001).add(tests::template_stream(1), failed);
  events::instance_failed gone;
  gone.stage = "boot";
  gone.reason = "the kernel panicked";
  gone.console_tail = failed.console_tail;
  log.at(5002).add(tests::instance_stream(2), gone);
}

}  // namespace

TEST_CASE("the story of the instance whose request started the preparation") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto story = told_of(log, "one");
  CHECK(
      lines_of(story) ==
      std::vector<std::string>{
          "instance one: asked for by token-1 (api, request req-a), as a clone of template web",
          "instance one: its start is asked for by token-1 (api, request req-a); template web has "
          "to be prepared first",
          "template web: preparation begins (attempt 1) for request req-a",
          "template web: the guest has booted (tcg, process 4711); its signal is awaited",
          "template web: the guest says that it is warm; the machine is frozen",
          "template web: the snapshot is taken: 257.0 MiB (memory 256.0 MiB, devices 1.0 MiB, "
          "disk 0 B), after 13.0s of preparation; 2 instances have waited for it: one 13.0s, two "
          "9.00s",
          "template web: grants instance one a clone",
          "instance one: cloning begins from the snapshot of template web, for which it waited "
          "13.0s",
          "instance one: runs (tcg, process 4800), 13.4s after its start was asked for; port 443 "
          "is 127.0.0.1:34567"});
  CHECK(story.present_state() == "Now instance one is running, since 2026-11-22 09:40:13.411.");
}

TEST_CASE("an instance that joined a preparation says whose, and how long that had run") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto story = told_of(log, "two");
  CHECK(tells(story,
              "instance two: its start is asked for by token-2 (api, request req-b); it joins the "
              "preparation of template web that is under way (attempt 1, begun 4.00s before for "
              "request req-a)"));
  CHECK(!tells(story, "preparation begins"));
  CHECK(tells(story, "instance two: asked to stop by token-2 (api, request req-c) within 10.0s"));
  CHECK(tells(story,
              "instance two: stopped, as it was asked to: the workload ended (exit code 0), "
              "after running for 46.4s"));
  CHECK(tells(story, "instance two: deleted by token-2 (api, request req-d)"));
  CHECK(story.present_state() == "Now instance two is deleted, since 2026-11-22 09:41:01.000.");
}

TEST_CASE("the story of a template names the instances that asked for it and their clones") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto story = told_of(log, "web");
  CHECK(tells(story,
              "template web: asked for by token-1 (api, request req-a): image "
              "platen/demo:v1, 256 MB, 1 vCPU"));
  CHECK(tells(story, "instance two: its start is asked for"));
  CHECK(tells(story, "template web: the clone for instance two runs"));
  CHECK(!tells(story, "asked to stop"));
  CHECK(story.present_state() ==
        "Now template web is snapshotted, since 2026-11-22 09:40:13.002, with 2 clones made.");
}

TEST_CASE("a step says how long the stage took that it ended") {
  tests::written_log log;
  write_shared_preparation(log);
  std::map<std::string, std::int64_t> took;
  const auto story = told_of(log, "web");
  for (const auto& step : story.steps())
    if (step.took_us) took[step.type] = *step.took_us;
  CHECK(took["TemplateGuestBooted"] == 5'000'000);
  CHECK(took["GuestSignalled"] == 7'000'000);
  CHECK(took["TemplateSnapshotted"] == 1'000'000);
  CHECK(took["CloneFinished"] == 402'000);
}

TEST_CASE("the story of a request is what it caused, over all streams") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto story = told_of(log, "req-a");
  for (const auto& step : story.steps())
    CHECK(step.request_id == "req-a");
  CHECK(story.steps().size() == 11);
  CHECK(tells(story, "template web: asked for"));
  CHECK(tells(story, "instance one: runs"));
  CHECK(story.present_state() ==
        "Now instance one is running, since 2026-11-22 09:40:13.411; template web is snapshotted, "
        "since 2026-11-22 09:40:13.002, with 2 clones made.");
}

TEST_CASE("a failure is told with its stage, its reason and the console") {
  tests::written_log log;
  write_failure(log);
  const auto of_template = told_of(log, "web");
  CHECK(tells(of_template,
              "template web: preparation failed (attempt 1) at stage boot: the kernel panicked, "
              "after 5.00s of preparation; no other attempt for 1.00s; 1 instance has waited for "
              "it: one 5.00s"));
  CHECK(of_template.steps().back().console_tail == "Kernel panic\x1b[2J - not syncing");
  CHECK(of_template.present_state() ==
        "Now template web is preparation_failed, since 2026-11-22 09:40:05.001 (boot: the kernel "
        "panicked).");
  const auto of_instance = told_of(log, "one");
  CHECK(tells(of_instance,
              "instance one: failed while it waited for template web, at stage boot: "
              "the kernel panicked"));
  CHECK(of_instance.steps().back().took_us == 5'002'000);
}

TEST_CASE("a restart of the daemon is told where something was under way") {
  tests::written_log log;
  log.at(0).add("system/platend", events::daemon_started{});
  log.at(1).add(tests::template_stream(1), tests::wanted_template("web"));
  events::preparation_started started;
  started.attempt = 1;
  log.at(2).add(tests::template_stream(1), started);
  events::daemon_started again;
  again.version = "0.1";
  again.hypervisor = "qemu";
  again.accelerator = "tcg";
  log.at(3000).add("system/platend", again);
  events::vm_adopted adopted;
  adopted.kind = "template";
  adopted.id = tests::id_of(1);
  adopted.attempt = 1;
  log.at(3001).because({"", "platend", events::origin::reconcile, ""});
  log.add("system/platend", adopted);
  const auto story = told_of(log, "web");
  CHECK(tells(story,
              "the daemon: starts (version 0.1, qemu, tcg); the one before it ended without "
              "a word (killed or crashed)"));
  CHECK(tells(story,
              "the daemon: the VM of template web (attempt 1) still runs after the restart "
              "and is adopted"));
}

TEST_CASE("restarts long after a template was ready are left out") {
  tests::written_log log;
  write_shared_preparation(log);
  log.at(100'000).add("system/platend", events::daemon_stopped{});
  log.at(101'000).add("system/platend", events::daemon_started{});
  CHECK(!tells(told_of(log, "web"), "the daemon"));
  CHECK(tells(told_of(log, "one"), "the daemon"));
}

TEST_CASE("a VM that was gone after a restart is told as lost") {
  tests::written_log log;
  log.at(0).add(tests::template_stream(1), tests::wanted_template("web"));
  events::preparation_started started;
  started.attempt = 1;
  log.at(1).add(tests::template_stream(1), started);
  started.attempt = 2;
  log.at(9000).because({"req-a", "platend", events::origin::reconcile, "vm_lost"});
  log.add(tests::template_stream(1), started);
  CHECK(tells(told_of(log, "web"),
              "template web: the VM of attempt 1 was gone after the daemon's "
              "restart: preparation begins again (attempt 2)"));
}

TEST_CASE("every event of the schema has words of its own") {
  events::testing::filling with;
  with.text = "text";
  with.largest = false;
  for (const auto& event : events::testing::every_event(with)) {
    tests::written_log log;
    log.because({"req-x", "token-1", events::origin::api, ""}).add("template/any", event);
    const auto story = told_of(log, "req-x");
    REQUIRE(story.steps().size() == 1);
    INFO(story.steps().front().text);
    CHECK(story.steps().front().text.size() > 5 - 1);
    CHECK(story.steps().front().text.find("does not know") == std::string::npos);
  }
}

TEST_CASE("an event of a newer version is told by its type") {
  tests::written_log log;
  log.add(tests::template_stream(1), tests::wanted_template("web"));
  log.add(tests::template_stream(1), events::unknown_event{"TemplatePolished", "bytes"});
  CHECK(tells(told_of(log, "web"),
              "template web: TemplatePolished, which this version does not know"));
}

TEST_CASE("awkward names and texts do not disturb the story") {
  tests::written_log log;
  for (const auto& event : events::testing::every_awkward_event())
    log.because({"req-x", "token-1", events::origin::api, ""}).add("template/any", event);
  CHECK(told_of(log, "req-x").steps().size() == log.all().size());
}

TEST_CASE("the story of an instance that sleeps, is woken by a request and becomes a template") {
  tests::written_log log;
  const auto stream = tests::instance_stream(1);
  const auto at = [&](std::int64_t ms, auto event, std::uint32_t attempt) {
    event.attempt = attempt;
    log.at(ms).add(stream, std::move(event));
  };
  events::instance_requested wanted;
  wanted.name = "one";
  wanted.spec->image = "demo:v1";
  log.at(0).add(stream, wanted);
  at(0, events::instance_boot_started{}, 1);
  at(1000, events::instance_running{}, 1);
  log.because({"", "platend", events::origin::gateway, "doze"});
  events::instance_suspend_requested sleeps;
  sleeps.standby = true;
  at(5000, sleeps, 1);
  events::instance_suspended asleep;
  asleep.state_bytes = 64 * 1024 * 1024;
  at(6000, asleep, 1);
  events::instance_resume_started resume;
  resume.suspended_attempt = 1;
  at(16'000, resume, 2);
  at(16'100, events::instance_running{}, 2);
  log.because({"req-b", "token-1", events::origin::api, "suspend"});
  at(17'000, events::instance_suspend_requested{}, 2);
  events::instance_suspend_failed failed;
  failed.stage = "suspend";
  failed.reason = "the disk is full";
  at(17'500, failed, 2);
  events::instance_conversion_requested becomes;
  becomes.snapshot_id = "s";
  at(18'000, becomes, 2);
  log.at(19'000).add(stream, events::instance_converted{});
  const auto story = told_of(log, "one");
  for (const auto* text :
       {"nobody needs it: suspended until a request comes",
        "suspended, 64 MiB on the disk; the next request wakes it",
        "woken by a request, after it slept for 10.0s", "asked to be suspended by token-1",
        "could not be suspended and runs on, stage suspend: the disk is full",
        "to become a template by token-1", ", with its memory",
        "is a template now, of the same name and UUID"}) {
    INFO(text);
    CHECK(tells(story, text));
  }
}

TEST_CASE("a stale snapshot is told as what it is, with what differs") {
  tests::written_log log;
  log.at(0).add(tests::template_stream(1), tests::wanted_template("web"));
  events::preparation_started started;
  started.attempt = 1;
  log.at(1).add(tests::template_stream(1), started);
  log.at(2).add(tests::template_stream(1), events::template_guest_booted{});
  log.at(3).add(tests::template_stream(1), events::guest_signalled{});
  events::template_snapshotted taken;
  taken.attempt = 1;
  taken.snapshot_id = "s";
  log.at(4).add(tests::template_stream(1), taken);
  events::snapshot_rejected rejected;
  rejected.attempt = 1;
  rejected.snapshot_id = "s";
  rejected.reason = "stale: made with QEMU 7.2, this host has 8.0";
  log.at(5).add(tests::template_stream(1), rejected);
  const auto story = told_of(log, "web");
  CHECK(
      tells(story,
            "template web: its snapshot is stale: made with QEMU 7.2, this host has 8.0; the next "
            "request prepares it anew"));
  CHECK(story.present_state().find("template web is stale") != std::string::npos);
  CHECK(story.present_state().find("this host has 8.0") != std::string::npos);
}
