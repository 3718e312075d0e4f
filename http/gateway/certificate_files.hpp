// Where chains and keys lie: one PEM file each with the key first and then the chain, mode 0600, in
// a private directory. Written whole or not at all.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "http/gateway/x509.hpp"

namespace platen::gateway {

class certificate_files {
 public:
  // Makes the directory, mode 0700. The error names the path.
  static tl::expected<certificate_files, std::string> open(std::filesystem::path directory);

  // `name`: letters, digits, '.', '-' and '*'.
  tl::expected<void, std::string> write(const std::string& name,
                                        const key_and_certificate& what) const;
  // Nothing if there is none, or it is not readable.
  std::optional<key_and_certificate> read(const std::string& name) const;
  void remove(const std::string& name) const;
  // Removes all but those for which `wanted(name)` holds.
  template <class Wanted>
  void retain(Wanted wanted) const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored))
      if (!wanted(entry.path().stem().string())) std::filesystem::remove(entry.path(), ignored);
  }

 private:
  explicit certificate_files(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::filesystem::path path_of(const std::string& name) const;

  std::filesystem::path directory_;
};

}  // namespace platen::gateway
