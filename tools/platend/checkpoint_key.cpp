#include "tools/platend/checkpoint_key.hpp"

#include <fstream>
#include <iterator>

#include "tools/platend/private_file.hpp"

namespace platen::platend {
namespace {

tl::expected<store::signing_key, std::string> read_key(const std::filesystem::path& file) {
  std::ifstream in(file);
  const std::string pem(std::istreambuf_iterator<char>(in), {});
  auto key = store::signing_key::from_pem(pem);
  if (!key)
    return tl::unexpected("checkpoint key " + file.string() + ": " + key.error() +
                          "; make one with: openssl genpkey -algorithm ed25519");
  return key;
}

}  // namespace

tl::expected<store::signing_key, std::string> read_or_make_checkpoint_key(
    const std::filesystem::path& file) {
  if (std::filesystem::exists(file)) return read_key(file);
  auto key = store::signing_key::generate();
  if (!key) return key;
  const auto public_file = std::filesystem::path(file).concat(".pub");
  std::error_code ignored;
  std::filesystem::remove(public_file, ignored);
  const auto kept = append_line(public_file, key->public_key()).and_then([&] {
    return write_private(file, key->to_pem());
  });
  if (!kept) return tl::unexpected(kept.error());
  return key;
}

}  // namespace platen::platend
