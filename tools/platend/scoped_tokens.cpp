#include "tools/platend/scoped_tokens.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <sstream>

#include "actors/scoped_name.hpp"
#include "tools/platend/token.hpp"

namespace platen::platend {
namespace {

namespace fs = std::filesystem;

struct open_file {
  int descriptor;
  explicit open_file(const fs::path& file) : descriptor(open(file.c_str(), O_RDONLY | O_CLOEXEC)) {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() {
    if (descriptor >= 0) close(descriptor);
  }
};

// What is looked at is what is read, whatever becomes of the name meanwhile.
tl::expected<std::string, std::string> read_private(const fs::path& file) {
  const open_file in(file);
  struct stat facts {};
  if (in.descriptor < 0 || fstat(in.descriptor, &facts) != 0)
    return tl::unexpected<std::string>(std::strerror(errno));
  if (!S_ISREG(facts.st_mode)) return tl::unexpected<std::string>("it is no file");
  if ((facts.st_mode & 077) != 0)
    return tl::unexpected<std::string>("others than its owner have rights to it: chmod 600");
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (true) {
    const auto count = read(in.descriptor, piece.data(), piece.size());
    if (count < 0) return tl::unexpected<std::string>(std::strerror(errno));
    if (count == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
    if (text.size() > tokens_file_bytes_limit)
      return tl::unexpected("it is larger than " + std::to_string(tokens_file_bytes_limit) +
                            " bytes");
  }
}

// The parts of a line; none of a comment.
std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;)
    words.push_back(std::move(word));
  if (!words.empty() && words.front().starts_with('#')) words.clear();
  return words;
}

std::string fault_of(const std::vector<std::string>& words) {
  if (words.size() != 2) return "expected a scope and a token, SCOPE TOKEN";
  if (!actors::is_scope(words[0]))
    return "'" + words[0] + "' is no scope: 1 to " + std::to_string(actors::scope_bytes_limit) +
           " of a-z, 0-9 and '-', which neither begins nor ends it";
  if (const auto fault = fault_of_token(words[1])) return *fault;
  return "";
}

}  // namespace

tl::expected<std::vector<scoped_token>, std::string> read_scoped_tokens(
    const fs::path& file, const std::string& operators) {
  const auto text = read_private(file);
  if (!text) return tl::unexpected("tokens file " + file.string() + ": " + text.error());
  std::vector<scoped_token> all;
  std::map<std::string, std::size_t> line_of;  // of each token
  std::istringstream in(*text);
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto words = words_of(line);
    if (words.empty()) continue;
    auto fault = fault_of(words);
    if (fault.empty() && words[1] == operators)
      fault = "the token is the operator's own: give the scope another";
    if (fault.empty() && all.size() == scoped_tokens_limit)
      fault = "there are more than " + std::to_string(scoped_tokens_limit) + " tokens";
    if (fault.empty()) {
      const auto [before, is_new] = line_of.emplace(words[1], number);
      if (!is_new) fault = "the token is that of line " + std::to_string(before->second);
    }
    if (!fault.empty())
      return tl::unexpected("tokens file " + file.string() + ":" + std::to_string(number) + ": " +
                            fault);
    all.push_back({words[0], words[1]});
  }
  return all;
}

}  // namespace platen::platend
