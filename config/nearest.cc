#include "config/nearest.h"

#include <algorithm>
#include <numeric>

namespace tracelet::config {
namespace {

// Levenshtein's distance.
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string_view LastPart(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

std::optional<std::string> Nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string* best = nullptr;
  size_t fewest = std::max<size_t>(1, LastPart(word).size() / 3) + 1;  // more edits than that make another word
  for (const std::string& candidate : candidates) {
    size_t edits = Edits(word, candidate);
    if (LastPart(word) == LastPart(candidate)) edits = std::min<size_t>(edits, 1);
    if (edits < fewest) {
      fewest = edits;
      best = &candidate;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

}  // namespace tracelet::config
