// The file system at /uk/libukp, by which the workload talks to the platform. It speaks the
// kernel's FUSE protocol itself: two flat files need less than a FUSE library brings.
//
//   template_instance  a write blocks until answer_writes(), reads give "0"
//   generation_id      the UUID of the last resume, empty before
#pragma once

#include <linux/fuse.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

class libukp {
 public:
  // Called from serve() for each write to template_instance, with nothing answered yet. Returns
  // whether the write shall be held; otherwise it fails with EOPNOTSUPP.
  using on_write = std::function<bool()>;

  static constexpr std::size_t held_writes_limit = 256;

  // Mounts at /uk/libukp. The folder must not be touched by this process from then on.
  static result<libukp> mount(on_write callback);

  int fd() const { return device_.get(); }

  // Answers every request that waits. Never blocks.
  void serve();

  void set_generation_id(std::string id) { generation_id_ = std::move(id); }

  // Lets every held write return: 0 for success, else an errno.
  void answer_writes(int error);

 private:
  struct held_write {
    std::uint64_t unique = 0;
    std::uint32_t size = 0;
    std::uint32_t pid = 0;
  };

  libukp(owned_fd device, on_write callback)
      : device_(std::move(device)), on_write_(std::move(callback)) {}

  void answer(const fuse_in_header& request, const char* body);
  void answer_init(std::uint64_t unique, const fuse_init_in& wanted);
  void answer_lookup(std::uint64_t unique, std::string_view name);
  void answer_folder(std::uint64_t unique, const fuse_read_in& wanted);
  void answer_read(const fuse_in_header& request, const fuse_read_in& wanted);
  void answer_write(const fuse_in_header& request, const fuse_write_in& written);
  void interrupt(std::uint64_t unique);

  fuse_attr attributes(std::uint64_t node) const;
  std::string content(std::uint64_t node) const;
  void reply(std::uint64_t unique, int error, std::string_view body = {});

  owned_fd device_;
  on_write on_write_;
  std::string generation_id_;
  std::vector<held_write> held_;
  std::uint64_t last_node_ = 0;
};

}  // namespace platen::guest
