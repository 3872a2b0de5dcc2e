// What a remote procedure call adds to the HTTP exchange that carries it: gRPC over
// HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md), gRPC-Web and Connect over HTTP/1.1. Plain data.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace tracelet::protocol::grpc {

enum class System : uint8_t { kGrpc, kGrpcWeb, kConnect };

// Status codes that are named here; grpc/doc/statuscodes.md has all of them.
inline constexpr int kOk = 0;
inline constexpr int kCancelled = 1;
inline constexpr int kDeadlineExceeded = 4;

// One message: when its last byte moved, CLOCK_MONOTONIC, and its length without the prefix.
struct MessageEvent {
  uint64_t time_ns = 0;
  uint64_t bytes = 0;
};

// The messages of one direction. A count is exact as long as all five-byte prefixes
// were captured; else it is that of the messages before the first one that was not.
struct Messages {
  uint64_t count = 0;
  uint64_t bytes = 0;
  bool exact = true;
  MessageEvent first;
  MessageEvent last;
};

// How far a call was at that time.
struct Progress {
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  Messages sent;
  Messages received;
};

struct Rpc {
  System system = System::kGrpc;
  std::optional<int> status;             // grpc-status
  bool status_from_reset = false;        // the call was reset; the code is the one that stands for it
  std::optional<uint64_t> deadline_ns;   // grpc-timeout, from the request's beginning
  std::shared_ptr<const Messages> sent;  // of the request
  std::shared_ptr<const Messages> received;
  // Of one that goes on for long: at ParserOptions::progress_ns and at each doubling of that, unless nothing had come.
  std::vector<Progress> progress;
};

// What `content_type` says about the exchange that has it.
std::optional<System> SystemOf(std::string_view content_type);
// "/package.Service/Method"; nothing if it is not of that shape.
struct Procedure {
  std::string_view service;
  std::string_view method;
};
std::optional<Procedure> ParseProcedure(std::string_view path);
// grpc-timeout: at most eight digits and a unit.
std::optional<uint64_t> ParseTimeout(std::string_view text);
std::optional<int> ParseStatus(std::string_view text);
// The status that a client makes of a stream's reset with this HTTP/2 error code.
int StatusOfReset(uint32_t error_code);
// "NOT_FOUND"; empty if the code has no name.
std::string_view StatusName(int status);

}  // namespace tracelet::protocol::grpc
