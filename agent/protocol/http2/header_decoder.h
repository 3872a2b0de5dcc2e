// HPACK (RFC 7541) of the blocks that go in one direction, by libnghttp2's inflater.
//
// Where the connection is older than the agent, or events were lost, the dynamic table is
// unknown. Every insertion from there on is seen, and an index counts from the newest entry:
// 62 + k is the k-th newest insertion, exactly, and an index behind them names an entry that
// nobody here knows. The inflater would refuse those, so its table is filled with sentinels,
// small enough that as many fit as the real table could hold entries; a field that comes
// out as one is unknown, never guessed. Insertions with the name of an unknown entry keep it.
//
// The size of the table follows the updates inside the blocks (§6.3), which an encoder must
// send, so that SETTINGS need not be read; only a table larger than kMaxTable is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/protocol/grpc/rpc.h"

struct nghttp2_hd_inflater;

namespace tracelet::protocol::http2 {

// The fields of one block that spans and links need.
struct Headers {
  std::string method;
  std::string path;
  std::string authority;  // or host
  std::string content_type;
  std::string user_agent;
  std::string protocol;  // :protocol of an extended CONNECT (RFC 8441)
  std::vector<std::pair<std::string, std::string>> propagation;
  int status = 0;
  std::optional<int> grpc_status;
  std::optional<uint64_t> grpc_timeout_ns;
  bool of_request = false;   // it has a pseudo-header field that only requests have
  bool of_response = false;  // it has :status
  uint32_t unknown = 0;      // fields whose name is not known
  bool damaged = false;      // some or all of it could not be decoded
};

class HeaderDecoder {
 public:
  static constexpr size_t kMaxTable = 65'536;
  static constexpr size_t kSentinels = 128;      // a table of the default 4096 bytes holds no more (§4.1)
  static constexpr size_t kMaxField = 8'192;     // longer values are cut
  static constexpr size_t kMaxPropagation = 16;  // fields

  // What was inserted before is unknown; a block in progress is broken off.
  void ForgetTable();
  // A piece of a block; `last`: its end. The fields go to headers().
  void Feed(std::string_view bytes, bool last);
  // Some of the block is missing.
  void Damage();
  // A new block begins.
  void Begin();
  [[nodiscard]] Headers& headers() { return headers_; }

 private:
  struct Delete {
    void operator()(nghttp2_hd_inflater* inflater) const;
  };
  using Inflater = std::unique_ptr<nghttp2_hd_inflater, Delete>;

  static Inflater Make(bool table_known);
  void OnField(std::string_view name, std::string_view value);
  void OnPseudo(std::string_view name, std::string_view value);

  Inflater inflater_;  // made when the first block comes
  bool table_known_ = true;
  Headers headers_;
};

}  // namespace tracelet::protocol::http2
