#pragma once

#include <cstdint>

#include "agent/span/held_span.h"

namespace tracelet::span {

// A span whose only attribute is its request's handle.
class HandleSpan final : public HeldSpan {
 public:
  explicit HandleSpan(uint64_t handle) : handle_(handle) {}
  void Describe(const RequestStart& /*start*/, Span& span) const override {
    span.attributes.push_back({"handle", static_cast<int64_t>(handle_)});
  }

 private:
  uint64_t handle_;
};

}  // namespace tracelet::span
