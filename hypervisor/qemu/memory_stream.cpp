#include "hypervisor/qemu/memory_stream.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "hypervisor/images/files.hpp"

namespace platen::hypervisor::qemu {

namespace {

using clock = std::chrono::steady_clock;
using status = tl::expected<void, std::string>;

constexpr std::size_t buffer_bytes = 1 << 20;
constexpr std::size_t page_bytes = 4096;

// The numbers of QEMU's stream format (migration/savevm.c, migration/ram.c), which every version
// has to read.
constexpr std::uint64_t stream_magic = 0x5145564d;
enum section_type : std::uint8_t {
  section_start = 1,
  section_part = 2,
  section_end = 3,
  subsection = 5,
  section_configuration = 7,
  section_footer = 0x7e
};
enum page_flag : std::uint64_t {
  page_zero = 0x02,
  memory_sizes = 0x04,
  page_full = 0x08,
  pages_end = 0x10,
  same_block = 0x20
};
constexpr std::uint64_t flag_mask = page_bytes - 1;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes)
    value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

tl::unexpected<std::string> not_understood(const std::string& what) {
  return tl::unexpected("QEMU's stream is not understood: " + what);
}

// Reads the stream in large pieces. After an error, and only then, take() gives nothing.
class stream_input {
 public:
  stream_input(int fd, clock::time_point end) : fd_(fd), end_(end), buffer_(buffer_bytes) {}

  // The next n bytes, n at most the buffer's size; valid until the next call.
  std::string_view take(std::size_t n) {
    while (filled_ - begin_ < n)
      if (!read_more()) return {};
    const std::string_view bytes(buffer_.data() + begin_, n);
    begin_ += n;
    return bytes;
  }
  // What has been read ahead, or the next piece; empty at the end of the stream or after an error.
  std::string_view take_some() {
    if (begin_ == filled_ && !read_more()) return {};
    return take(filled_ - begin_);
  }
  const std::string& error() const { return error_; }
  bool at_end() const { return at_end_; }

 private:
  bool read_more() {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
    filled_ -= begin_;
    begin_ = 0;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - clock::now());
      pollfd readable{fd_, POLLIN, 0};
      const int ready = left.count() > 0 ? ::poll(&readable, 1, static_cast<int>(left.count())) : 0;
      if (ready == 0) return fail("QEMU took too long to save the VM's memory");
      const auto n =
          ready < 0 ? -1 : ::read(fd_, buffer_.data() + filled_, buffer_.size() - filled_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0)
        return fail("cannot read QEMU's stream: " + std::generic_category().message(errno));
      at_end_ = n == 0;
      if (at_end_) return fail("QEMU's stream ends too early");
      filled_ += static_cast<std::size_t>(n);
      return true;
    }
  }
  bool fail(std::string why) {
    error_ = std::move(why);
    return false;
  }

  int fd_;
  clock::time_point end_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t filled_ = 0;
  bool at_end_ = false;
  std::string error_;
};

// Writes pages where they belong, neighbours together.
class memory_output {
 public:
  memory_output(int fd, std::uint64_t bytes) : fd_(fd), bytes_(bytes) {}

  status put(std::uint64_t offset, std::string_view page) {
    if (offset + page.size() > bytes_) return not_understood("a page lies behind the memory's end");
    if (offset != run_begin_ + run_.size() || run_.size() >= buffer_bytes)
      if (auto flushed = flush(); !flushed) return flushed;
    if (run_.empty()) run_begin_ = offset;
    run_ += page;
    written_end_ = std::max(written_end_, offset + page.size());
    return {};
  }
  status put_zeros(std::uint64_t offset) {
    // Behind what was written there are zeros already.
    if (offset >= written_end_ && offset < bytes_) return {};
    return put(offset, std::string(page_bytes, '\0'));
  }
  status flush() {
    for (std::string_view left = run_; !left.empty();) {
      const auto n = ::pwrite(fd_, left.data(), left.size(), static_cast<off_t>(run_begin_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0)
        return tl::unexpected("cannot write the VM's memory to a file: " +
                              std::generic_category().message(errno));
      left.remove_prefix(static_cast<std::size_t>(n));
      run_begin_ += static_cast<std::uint64_t>(n);
    }
    run_.clear();
    return {};
  }

 private:
  int fd_;
  std::uint64_t bytes_;
  std::uint64_t run_begin_ = 0;
  std::uint64_t written_end_ = 0;
  std::string run_;
};

class splitter {
 public:
  explicit splitter(const memory_split& what)
      : what_(what),
        input_(what.stream_fd, clock::now() + what.limit),
        memory_(what.memory_fd, what.memory_bytes) {}

  status run() {
    if (::ftruncate(what_.memory_fd, static_cast<off_t>(what_.memory_bytes)) != 0)
      return tl::unexpected("cannot set the size of the memory file: " +
                            std::generic_category().message(errno));
    auto done = copy_header();
    while (done && !memory_done_)
      done = copy_section();
    if (done) done = memory_.flush();
    if (done) done = copy_rest();
    return done;
  }

 private:
  // Reads, and what is read goes into the state.
  std::string_view copy(std::size_t n) {
    const auto bytes = input_.take(n);
    state_ += bytes;
    return bytes;
  }
  std::string copy_name() { return std::string(copy(big_endian(copy(1)))); }
  status input_status() const {
    if (!input_.error().empty()) return tl::unexpected(input_.error());
    return {};
  }

  status copy_header() {
    const auto magic = big_endian(copy(4));
    copy(4);
    if (auto read = input_status(); !read) return read;
    if (magic != stream_magic) return not_understood("it does not begin as one");
    next_ = big_endian(copy(1));
    return next_ == section_configuration ? copy_configuration() : status{};
  }

  // The machine's name, and in a subsection the capabilities that both sides must have.
  status copy_configuration() {
    const auto name_bytes = big_endian(copy(4));
    if (name_bytes > page_bytes) return not_understood("the machine's name has no end");
    copy(name_bytes);
    for (next_ = big_endian(copy(1)); next_ == subsection; next_ = big_endian(copy(1))) {
      const auto name = copy_name();
      copy(4);
      if (auto read = input_status(); !read) return read;
      if (name != "configuration/capabilities") return not_understood("there is a " + name);
      for (auto count = big_endian(copy(4)); count > 0 && input_status(); --count)
        copy_name();
    }
    return input_status();
  }

  // `next_`, its type, was read before.
  status copy_section() {
    const auto type = next_;
    const auto id = big_endian(copy(4));
    if (auto read = input_status(); !read) return read;
    status done;
    if (type == section_start) {
      const auto name = copy_name();
      copy(8);
      if (auto read = input_status(); !read) return read;
      if (name != "ram") return not_understood("there is a live section " + name);
      ram_section_ = id;
      done = copy_sizes();
    } else if (type == section_part || type == section_end) {
      if (id != ram_section_) return not_understood("there is a second live section");
      done = sort_pages();
    } else {
      return not_understood("a section of type " + std::to_string(type) + " precedes the memory");
    }
    if (!done) return done;
    const auto footer = big_endian(copy(1));
    copy(4);
    if (auto read = input_status(); !read) return read;
    if (footer != section_footer) return not_understood("a section has no end");
    memory_done_ = type == section_end;
    if (!memory_done_) next_ = big_endian(copy(1));
    if (memory_done_ && !memory_seen_)
      return not_understood("it has no memory of the expected size");
    return input_status();
  }

  status copy_sizes() {
    const auto first = big_endian(copy(8));
    if (auto read = input_status(); !read) return read;
    if ((first & flag_mask) != memory_sizes) return not_understood("its memory has no sizes");
    for (auto total = first & ~flag_mask; total > 0;) {
      const auto name = copy_name();
      const auto bytes = big_endian(copy(8));
      copy(8);
      if (auto read = input_status(); !read) return read;
      if (bytes == 0 || bytes > total) return not_understood("its memory's sizes do not add up");
      total -= bytes;
      if (name == what_.memory_block) memory_seen_ = bytes == what_.memory_bytes;
    }
    const auto last = big_endian(copy(8));
    if (auto read = input_status(); !read) return read;
    return last == pages_end ? status{} : not_understood("its memory's sizes have no end");
  }

  status sort_pages() {
    for (;;) {
      const auto head = std::string(input_.take(8));
      if (auto read = input_status(); !read) return read;
      const auto flags = big_endian(head) & flag_mask;
      if (flags == pages_end) {
        state_ += head;
        return {};
      }
      if (auto done = sort_page(head, flags); !done) return done;
    }
  }

  status sort_page(const std::string& head, std::uint64_t flags) {
    std::string name;
    if ((flags & same_block) == 0) {
      name = input_.take(1);
      block_ = input_.take(big_endian(name));
      name += block_;
    }
    const auto kind = flags & ~std::uint64_t{same_block};
    if (kind != page_zero && kind != page_full)
      return not_understood("a page has the flags " + std::to_string(flags));
    const auto content = input_.take(kind == page_full ? page_bytes : 1);
    if (auto read = input_status(); !read) return read;
    if (block_ == what_.memory_block) {
      const auto offset = big_endian(head) & ~flag_mask;
      return kind == page_full ? memory_.put(offset, content) : memory_.put_zeros(offset);
    }
    state_ += head;
    state_ += name;
    state_ += content;
    return {};
  }

  // The devices. Only the end of the stream is no error here.
  status copy_rest() {
    for (;;) {
      if (auto written = images::write_all(what_.state_fd, state_); !written)
        return tl::unexpected("cannot write the VM's state to a file: " + written.error());
      state_ = input_.take_some();
      if (state_.empty()) return input_.at_end() ? status{} : input_status();
    }
  }

  memory_split what_;
  stream_input input_;
  memory_output memory_;
  std::string state_;
  std::uint64_t next_ = 0;
  std::uint64_t ram_section_ = 0;
  std::string block_;
  bool memory_seen_ = false;
  bool memory_done_ = false;
};

}  // namespace

tl::expected<void, std::string> split_memory_stream(const memory_split& what) {
  return splitter(what).run();
}

}  // namespace platen::hypervisor::qemu
