#include "agent/protocol/grpc/rpc.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tracelet::protocol::grpc {

std::optional<System> SystemOf(std::string_view content_type) {
  if (content_type.starts_with("application/grpc-web")) return System::kGrpcWeb;
  if (content_type.starts_with("application/connect+")) return System::kConnect;
  constexpr std::string_view kPlain = "application/grpc";
  if (!content_type.starts_with(kPlain)) return std::nullopt;
  const bool ends = content_type.size() == kPlain.size();
  return ends || content_type[kPlain.size()] == '+' || content_type[kPlain.size()] == ';' ? std::optional(System::kGrpc)
                                                                                          : std::nullopt;
}

std::optional<Procedure> ParseProcedure(std::string_view path) {
  path = path.substr(0, path.find('?'));
  const size_t slash = path.rfind('/');
  if (path.empty() || path.front() != '/' || slash <= 1 || slash + 1 == path.size()) return std::nullopt;
  return Procedure{.service = path.substr(1, slash - 1), .method = path.substr(slash + 1)};
}

std::optional<uint64_t> ParseTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  const std::string_view digits = text.substr(0, text.size() - 1);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  switch (text.back()) {
    case 'H':
      return value * 3'600'000'000'000;
    case 'M':
      return value * 60'000'000'000;
    case 'S':
      return value * 1'000'000'000;
    case 'm':
      return value * 1'000'000;
    case 'u':
      return value * 1'000;
    case 'n':
      return value;
    default:
      return std::nullopt;
  }
}

std::optional<int> ParseStatus(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr unsigned kLargest = 999;
  if (error != std::errc() || end != text.data() + text.size() || value > kLargest) return std::nullopt;
  return static_cast<int>(value);
}

int StatusOfReset(uint32_t error_code) {
  // PROTOCOL-HTTP2.md, "Errors".
  constexpr int kPermissionDenied = 7, kResourceExhausted = 8, kInternal = 13, kUnavailable = 14;
  switch (error_code) {
    case 7:  // REFUSED_STREAM
      return kUnavailable;
    case 8:  // CANCEL
      return kCancelled;
    case 11:  // ENHANCE_YOUR_CALM
      return kResourceExhausted;
    case 12:  // INADEQUATE_SECURITY
      return kPermissionDenied;
    default:
      return kInternal;
  }
}

std::string_view StatusName(int status) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto index = static_cast<size_t>(status);
  return index < kNames.size() ? kNames[index] : std::string_view();
}

}  // namespace tracelet::protocol::grpc
