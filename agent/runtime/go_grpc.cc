#include "agent/runtime/go_grpc.h"

#include <array>
#include <charconv>
#include <string_view>

namespace tracelet::runtime {
namespace {

constexpr std::string_view kModule = "google.golang.org/grpc";
constexpr std::string_view kMade = "google.golang.org/grpc/internal/transport.(*http2Client).newStream";
// Where the stream gets its number: up to 1.82.0, and since.
constexpr std::string_view kSent = "google.golang.org/grpc/internal/transport.(*loopyWriter).originateStream";
constexpr std::string_view kSentNow = "google.golang.org/grpc/internal/transport.(*loopyWriter).clientHeaderHandler";
constexpr std::string_view kServed = "google.golang.org/grpc.(*Server).handleStream";
constexpr uint32_t kOrphaned = 72;     // in headerFrame
constexpr uint32_t kOrphanedNow = 56;  // in clientHeaders

// Of the streams of servers, as the sources of all releases in between say.
struct Layout {
  int from;
  uint32_t stream;
  bool apart;
};
constexpr int kOldest = 53;  // older ones give originateStream no headers
constexpr int kNewest = 85;
constexpr std::array kLayouts = {Layout{77, 108, false}, Layout{69, 0, true}, Layout{kOldest, 0, false}};

// Of a release "v1.64.0"; 0 otherwise.
int Minor(std::string_view version) {
  if (!version.starts_with("v1.") || version.find_first_of("-+") != std::string_view::npos) return 0;
  version.remove_prefix(3);
  int minor = 0;
  std::from_chars(version.data(), version.data() + version.size(), minor);
  return minor;
}

}  // namespace

Result<bool> AddGrpcProbes(const GoFile& file, GoProbes& found) {
  const int minor = Minor(file.Module(kModule));
  if (minor < kOldest || minor > kNewest) return false;
  const std::array names = {kMade, kSent, kSentNow, kServed};
  const auto functions = file.Find(names);
  if (!functions) return functions.error();
  const auto made = functions->find(kMade);
  const auto now = functions->find(kSentNow);
  const auto sent = now != functions->end() ? now : functions->find(kSent);
  if (made != functions->end() && sent != functions->end()) {
    for (const uint64_t at : made->second.returns)
      found.probes.push_back({GoProgram::kRpcMade, made->second.offset + at});
    found.probes.push_back({GoProgram::kRpcSent, sent->second.offset});
    found.program.rpc_headers_third = sent != now;
    found.program.rpc_orphaned = sent == now ? kOrphanedNow : kOrphaned;
  }
  if (const auto served = functions->find(kServed); served != functions->end()) {
    found.probes.push_back({GoProgram::kRpcServed, served->second.offset});
    const auto* layout = kLayouts.begin();
    while (layout->from > minor) ++layout;
    found.program.rpc_stream = layout->stream;
    found.program.rpc_stream_apart = layout->apart;
  }
  return true;
}

}  // namespace tracelet::runtime
