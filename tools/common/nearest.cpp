#include "tools/common/nearest.hpp"

#include <algorithm>
#include <numeric>

namespace platen::tools {
namespace {

// Levenshtein distance, one row of the matrix at a time.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  std::optional<std::string> best;
  std::size_t best_edits = std::max<std::size_t>(2, word.size() / 2);
  for (const auto& candidate : known) {
    const auto edits = edits_between(word, candidate);
    if (edits > best_edits || (best && edits == best_edits)) continue;
    best = candidate;
    best_edits = edits;
  }
  return best;
}

}  // namespace platen::tools
