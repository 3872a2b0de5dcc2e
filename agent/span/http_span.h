// An HTTP exchange -> name, status and attributes of its span, by OpenTelemetry's
// stable HTTP conventions. Nothing that may be secret gets into a span: values of
// query parameters unless allowed, user information in URLs, the query's fragment.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/recycled.h"
#include "agent/conn/connection.h"
#include "agent/protocol/protocol.h"
#include "agent/span/held_span.h"

namespace tracelet::span {

std::string_view Name(protocol::Outcome outcome);

struct HttpSpanOptions {
  std::vector<std::string> allowed_query_keys;
  // Path -> route of a service; see pipeline::RouteGrouper.
  std::function<std::string(const std::string& service, std::string_view path)> route;
};

class HttpSpan final : public HeldSpan {
 public:
  // `options` must outlive it.
  HttpSpan(Kind kind_of_span, const protocol::Exchange& exchange, const HttpSpanOptions& options);

  static void* operator new(size_t /*size*/) { return Recycled<sizeof(HttpSpan)>::Take(); }
  static void operator delete(void* memory) { Recycled<sizeof(HttpSpan)>::GiveBack(memory); }

  void Describe(const RequestStart& start, Span& span) const override;

 private:
  class Writer;
  enum Text : uint8_t { kTarget, kHost, kUserAgent, kVersion, kUnread, kTexts };
  static constexpr uint64_t kUnknown = UINT64_MAX;

  [[nodiscard]] std::string_view Get(Text text) const;

  const HttpSpanOptions& options_;
  std::unique_ptr<char[]> texts_;  // one behind the other
  std::array<uint32_t, kTexts> ends_;
  int status_;                         // 0: no final status seen
  uint64_t first_byte_ns_ = kUnknown;  // from the request's first byte to the response's
  uint64_t request_body_bytes_ = kUnknown;
  uint64_t response_body_bytes_ = kUnknown;
  protocol::Outcome outcome_;
  bool resynchronised_;
  bool head_truncated_;
  bool end_unseen_;
};

}  // namespace tracelet::span
