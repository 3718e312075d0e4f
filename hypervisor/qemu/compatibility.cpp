#include "hypervisor/qemu/compatibility.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "hypervisor/guest/frame.hpp"
#include "hypervisor/images/sha256.hpp"

namespace platen::hypervisor::qemu {

namespace {

// A guest's clock may be wrong by this part; measurements of one host's counter differ by less than
// a fifth of it (host_clock_test).
constexpr double tsc_tolerance = 0.005;
// So many characters of a digest tell two apart for a reader.
constexpr std::size_t shown_digest = 12;
constexpr std::size_t shown_flags = 8;

using words = std::vector<std::string>;

words lines_of(const std::string& text) {
  words lines;
  std::istringstream rest(text);
  for (std::string line; std::getline(rest, line);)
    lines.push_back(line);
  return lines;
}

words missing_from(const words& all, const words& here) {
  words missing;
  std::copy_if(all.begin(), all.end(), std::back_inserter(missing), [&](const auto& one) {
    return std::find(here.begin(), here.end(), one) == here.end();
  });
  return missing;
}

std::string listed(const words& some, std::size_t limit) {
  std::string text;
  for (std::size_t i = 0; i < some.size() && i < limit; ++i)
    text += (i == 0 ? "" : " ") + some[i];
  if (some.size() > limit) text += " and " + std::to_string(some.size() - limit) + " more";
  return text;
}

std::uint64_t tsc_khz_of(const std::string& command_line) {
  std::istringstream rest(command_line);
  const std::string key = "tsc_early_khz=";
  for (std::string word; rest >> word;)
    if (word.starts_with(key)) return std::strtoull(word.c_str() + key.size(), nullptr, 10);
  return 0;
}

class comparison {
 public:
  comparison(const manifest& content, const host_facts& host) : made_(content), host_(host) {}

  words all() {
    equal("accelerator", made_.machine.accelerator, host_.accelerator);
    equal("QEMU", made_.qemu_version, host_.qemu_version);
    digest("a QEMU binary", made_.qemu_sha256, host_.qemu_sha256);
    equal("CPU model", made_.cpu_model, cpu_model(made_.machine));
    devices();
    equal("agent protocol", std::to_string(made_.agent_protocol),
          std::to_string(guest::protocol_version));
    if (made_.machine.accelerator == "kvm") {
      processor();
      if (!made_.host_kernel.empty()) equal("host kernel", made_.host_kernel, host_.kernel);
    } else {
      counter();
    }
    if (made_.replaceable) guest_kernel();
    return std::move(found_);
  }

 private:
  void differs(const std::string& what, const std::string& made, const std::string& here) {
    found_.push_back("made with " + what + " " + made + ", this host has " + here);
  }
  void equal(const std::string& what, const std::string& made, const std::string& here) {
    if (made != here) differs(what, made, here);
  }
  void digest(const std::string& what, const std::string& made, const std::string& here) {
    if (made != here)
      differs(what + " of SHA-256", made.substr(0, shown_digest), here.substr(0, shown_digest));
  }

  void devices() {
    const auto text = guest_visible_arguments(made_.machine);
    const auto here = images::sha256_hex(text);
    if (made_.devices_sha256 == here) return;
    const auto gone = missing_from(lines_of(made_.devices), lines_of(text));
    const auto added = missing_from(lines_of(text), lines_of(made_.devices));
    if (made_.devices.empty() || (gone.empty() && added.empty()))
      return digest("devices", made_.devices_sha256, here);
    const auto shown = [](const words& some) { return some.empty() ? "others" : listed(some, 4); };
    differs("devices", shown(gone), shown(added));
  }

  void processor() {
    if (made_.host_cpu.model.empty()) return;
    equal("host CPU", made_.host_cpu.model, host_.cpu.model);
    const auto lost = missing_from(made_.host_cpu.flags, host_.cpu.flags);
    const auto added = missing_from(host_.cpu.flags, made_.host_cpu.flags);
    if (!lost.empty())
      found_.push_back("made with CPU flags this host lacks: " + listed(lost, shown_flags));
    if (!added.empty())
      found_.push_back("made without CPU flags this host has: " + listed(added, shown_flags));
  }

  void counter() {
    const auto made = tsc_khz_of(made_.append);
    if (made == 0 || host_.tsc_khz == 0) return;
    const auto ratio = static_cast<double>(made) / static_cast<double>(host_.tsc_khz);
    if (std::abs(ratio - 1) > tsc_tolerance)
      differs("a time stamp counter of", std::to_string(made) + " kHz",
              std::to_string(host_.tsc_khz) + " kHz");
  }

  void guest_kernel() {
    if (!host_.kernel_sha256.empty())
      digest("a guest kernel", made_.kernel_sha256, host_.kernel_sha256);
    if (!host_.initramfs_sha256.empty())
      digest("a guest initramfs", made_.initramfs_sha256, host_.initramfs_sha256);
  }

  const manifest& made_;
  const host_facts& host_;
  words found_;
};

}  // namespace

std::vector<std::string> differences(const manifest& content, const host_facts& host) {
  return comparison(content, host).all();
}

}  // namespace platen::hypervisor::qemu
