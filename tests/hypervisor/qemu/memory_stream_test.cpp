// A stream as QEMU 7.2 writes it, of a machine with two blocks of memory, and its damaged versions.
#include "hypervisor/qemu/memory_stream.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "hypervisor/images/files.hpp"
#include "hypervisor/images/unique_fd.hpp"

using namespace platen::hypervisor::qemu;
using platen::hypervisor::images::read_all;
using platen::hypervisor::images::unique_fd;

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t memory_bytes = 8 * page;

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    text += static_cast<char>(value >> shift);
  return text;
}
std::string name(const std::string& text) {
  return number(text.size(), 1) + text;
}
std::string page_of(char filling) {
  return std::string(page, filling);
}
std::string footer() {
  return number(0x7e, 1) + number(2, 4);
}

const std::string machine = "microvm";
std::string header() {
  return number(0x5145564d, 4) + number(3, 4) + number(7, 1) + number(machine.size(), 4) + machine +
         number(5, 1) + name("configuration/capabilities") + number(1, 4) + number(1, 4) +
         name("x-ignore-shared");
}
std::string sizes(std::uint64_t bytes = memory_bytes) {
  return number(1, 1) + number(2, 4) + name("ram") + number(0, 4) + number(4, 4) +
         number((bytes + 2 * page) | 4, 8) + name("memory") + number(bytes, 8) + number(0, 8) +
         name("pc.bios") + number(2 * page, 8) + number(0xfffe000, 8) + number(16, 8) + footer();
}
std::string begin(std::uint64_t type) {
  return number(type, 1) + number(2, 4);
}
const std::string devices =
    std::string("\x04 all the devices, up to the end") + std::string(9, '\0');

std::string bios_page() {
  return number(page | 8, 8) + name("pc.bios") + page_of('b');
}
// Pages 0 and 1, a zero page, the BIOS in between, page 6; in a second round page 1 is zero again.
std::string stream() {
  return header() + sizes() + begin(2) + number(0 | 8, 8) + name("memory") + page_of('x') +
         number(page | 8 | 0x20, 8) + page_of('y') + number(2 * page | 2 | 0x20, 8) + number(0, 1) +
         bios_page() + number(6 * page | 8, 8) + name("memory") + page_of('z') + number(16, 8) +
         footer() + begin(3) + number(page | 2, 8) + name("memory") + number(0, 1) + number(16, 8) +
         footer() + devices;
}
// What remains of it.
std::string state() {
  return header() + sizes() + begin(2) + bios_page() + number(16, 8) + footer() + begin(3) +
         number(16, 8) + footer() + devices;
}

unique_fd memory_file(const std::string& content = {}) {
  unique_fd file(::memfd_create("test", MFD_CLOEXEC));
  REQUIRE(::write(file.get(), content.data(), content.size()) ==
          static_cast<ssize_t>(content.size()));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

struct split_result {
  tl::expected<void, std::string> done;
  std::string memory;
  std::string state;
  std::uint64_t allocated = 0;
};

split_result split(const std::string& bytes) {
  const auto from = memory_file(bytes);
  const auto memory = memory_file();
  const auto state = memory_file();
  split_result result;
  result.done = split_memory_stream(
      {from.get(), memory.get(), state.get(), "memory", memory_bytes, std::chrono::seconds(10)});
  for (const auto* file : {&memory, &state})
    ::lseek(file->get(), 0, SEEK_SET);
  result.memory = read_all(memory.get(), 1 << 20).value();
  result.state = read_all(state.get(), 1 << 20).value();
  struct stat status {};
  ::fstat(memory.get(), &status);
  result.allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
  return result;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a stream is split into the memory, with holes, and all the rest") {
  const auto result = split(stream());
  INFO((result.done ? std::string{} : result.done.error()));
  REQUIRE(result.done);
  CHECK(result.memory ==
        page_of('x') + page_of('\0') + std::string(4 * page, '\0') + page_of('z') + page_of('\0'));
  CHECK(result.allocated == 3 * page);
  CHECK((result.state == state()));
}

TEST_CASE("a stream that ends early is an error wherever it ends") {
  const auto whole = stream();
  const auto memory_end = whole.size() - devices.size();
  for (std::size_t bytes = 0; bytes < memory_end; bytes += bytes < 400 ? 1 : 97) {
    const auto result = split(whole.substr(0, bytes));
    INFO(bytes);
    REQUIRE_FALSE(result.done);
    CHECK(has(result.done.error(), "too early"));
  }
}

TEST_CASE("a stream that is not what was expected is refused with what is wrong") {
  const auto refusal = [](const std::string& bytes) {
    const auto result = split(bytes);
    REQUIRE_FALSE(result.done);
    return result.done.error();
  };
  const auto rest = stream().substr(header().size() + sizes().size());
  CHECK(has(refusal("not a stream at all"), "does not begin as one"));
  CHECK(has(refusal(header() + sizes(4 * page) + rest), "no memory of the expected size"));
  CHECK(has(refusal(header() + sizes() + begin(2) + number(8 * page | 8, 8) + name("memory") +
                    page_of('x')),
            "behind the memory's end"));
  CHECK(has(refusal(header() + sizes() + begin(2) + number(0x100, 8) + name("memory") + page_of(0)),
            "flags 256"));
  CHECK(has(refusal(header() + devices), "precedes the memory"));
  CHECK(has(refusal(header() + sizes() + number(2, 1) + number(7, 4)), "second live section"));
}

TEST_CASE("a stream that never comes is given up") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const unique_fd read_end(ends[0]);
  const unique_fd write_end(ends[1]);
  const auto memory = memory_file();
  const auto state = memory_file();
  const auto done = split_memory_stream({read_end.get(), memory.get(), state.get(), "memory",
                                         memory_bytes, std::chrono::milliseconds(50)});
  REQUIRE_FALSE(done);
  CHECK(has(done.error(), "took too long"));
}
