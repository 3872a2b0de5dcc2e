// Counters<E>: one exact count per value of an enum. The enum ends with kCount
// and has an overload `std::string_view Name(E)` giving its name in /metrics,
// in summaries and in the documentation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tracelet {

template <typename E>
class Counters {
 public:
  void Add(E what, uint64_t count = 1) { counts_[Index(what)] += count; }
  [[nodiscard]] uint64_t operator[](E what) const { return counts_[Index(what)]; }
  [[nodiscard]] uint64_t Total() const {
    uint64_t total = 0;
    for (uint64_t count : counts_) total += count;
    return total;
  }
  // Calls visit(E, count) for each value in order.
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (size_t i = 0; i < counts_.size(); ++i) visit(static_cast<E>(i), counts_[i]);
  }

 private:
  static size_t Index(E what) { return static_cast<size_t>(what); }
  std::array<uint64_t, static_cast<size_t>(E::kCount)> counts_{};
};

}  // namespace tracelet
