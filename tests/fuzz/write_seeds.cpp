// Writes the first inputs of each target into the directories below argv[1]; the fuzzer finds the
// others. Run once, when a target or the format it reads is new.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "events/codec.hpp"
#include "hypervisor/guest/frame.hpp"
#include "tests/events/every_event.hpp"

namespace {

using namespace platen;
namespace fs = std::filesystem;

void write(const fs::path& directory, const std::string& name, const std::string& bytes) {
  fs::create_directories(directory);
  std::ofstream(directory / name, std::ios::binary) << bytes;
}

void write_events(const fs::path& directory) {
  char index = 0;
  for (const auto& one : events::testing::every_event({"text", 1, false})) {
    const auto payload = events::encode_payload(one);
    write(directory, "event-" + payload.type, std::string(1, index++) + payload.bytes);
  }
  events::envelope place;
  place.sequence = 1;
  place.version = 1;
  place.stream = "system/platend";
  place.what = events::daemon_stopped{};
  const auto record = events::encode(place);
  write(directory, "record", "\xff" + record);
  constexpr std::size_t fixed_part = 40;
  const auto payload = events::encode_payload(place.what).bytes;
  write(directory, "header",
        "\xfe" + record.substr(fixed_part, record.size() - fixed_part - payload.size()));
}

void write_log_hands(const fs::path& directory) {
  for (char what = 0; what < 7; ++what)
    write(directory, "hand-" + std::to_string(what), {what, 3, 1, 7, 64, what, 5, 0, 2});
}

template <class Body>
void write_frame(const fs::path& directory, const std::string& name, Body body) {
  const auto frame = guest::encode_body(std::move(body));
  if (frame) write(directory, name, "\x05" + std::string(frame->begin(), frame->end()));
}

void write_frames(const fs::path& directory) {
  using namespace guest::wire;
  write_frame(directory, "hello", HelloT{});
  write_frame(directory, "signal", SignalT{});
  FailedT failed;
  failed.stage = "boot";
  failed.reason = "no";
  write_frame(directory, "failed", failed);
  WelcomeT welcome;
  welcome.generation_id = "g";
  write_frame(directory, "welcome", welcome);
  StartT start;
  start.args = {"a", "b"};
  write_frame(directory, "start", std::move(start));
  ResumeT resume;
  resume.entropy = {1, 2, 3};
  write_frame(directory, "resume", std::move(resume));
}

void write_bodies(const fs::path& directory) {
  write(directory, "image", R"({"name":"a","image":"x:v1","memory_mb":64,"autostart":true})");
  write(directory, "template",
        R"({"name":"my-instance","template":{"name":"t","prepare":true,"create_args":)"
        R"({"image":"platen/demo:v1","memory_mb":256,"vcpus":1}},"roms":[{"name":"session",)"
        R"("at":"/mnt/session","files":[{"path":"s.txt","data":"eA==","encoding":"base64"}]}],)"
        R"("service_group":{"services":[{"port":443,"destination_port":8080,)"
        R"("handlers":["tls","http"]}]},"autostart":true,"timeout_s":0})");
  write(directory, "list", R"([{"image":"x:v1"},{"template":{"uuid":"u"}}])");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_fuzz_seeds CORPUS\n";
    return 2;
  }
  const fs::path corpus = argv[1];
  write_events(corpus / "event_record");
  write_log_hands(corpus / "event_log");
  write_bodies(corpus / "create_body");
  write_frames(corpus / "guest_frames");
}
