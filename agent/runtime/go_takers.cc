#include "agent/runtime/go_takers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace tracelet::runtime {
namespace {

constexpr uint64_t kWindow = 1u << 20;
constexpr uint64_t kCall = 5;  // bytes of CALL rel32
constexpr char kCallCode = '\xe8';
constexpr size_t kMaxCalls = 1u << 20;

// Before a call, Go's compiler clears the register for the address of a value that nobody wants: the last
// argument that it prepares.
constexpr std::string_view kClearsFirst = "\x31\xc0";   // xor %eax,%eax
constexpr std::string_view kClearsSecond = "\x31\xdb";  // xor %ebx,%ebx

struct Taking {
  std::string_view name;
  std::string_view unwanted;  // what comes before a call that takes nothing; empty: it always takes
};
constexpr std::array kTaking = {Taking{"runtime.chanrecv1", kClearsSecond}, Taking{"runtime.chanrecv2", kClearsSecond},
                                Taking{"runtime.selectnbrecv", kClearsFirst}, Taking{"runtime.selectgo", ""},
                                Taking{"sync.(*Cond).Wait", ""}};

constexpr std::array<std::string_view, 8> kLeftOut = {
    "net/http.", "golang.org/x/net/http2.", "runtime.",
    // grpc-go's client, from the caller down.
    "google.golang.org/grpc.(*ClientConn).", "google.golang.org/grpc.newClientStream",
    "google.golang.org/grpc.(*clientStream).", "google.golang.org/grpc.(*csAttempt).",
    "google.golang.org/grpc/internal/transport.(*http2Client)."};

struct Call {
  uint64_t from;
  uint64_t to;
};

// They wait for what they do themselves.
bool LeftOut(std::string_view name) {
  return std::ranges::any_of(kLeftOut, [&](std::string_view start) { return name.starts_with(start); });
}

// Calls of `targets`, by the bytes alone: what only looks like one does no harm. In the order of addresses.
template <typename Known>
Result<std::vector<Call>> CallsOf(const GoFile& file, Known known) {
  const auto [begin, end] = file.Code();
  std::vector<Call> calls;
  for (uint64_t at = begin; at < end; at += kWindow) {
    const std::string code = file.ReadCode(at, std::min(kWindow, end - at) + kCall - 1);
    for (size_t i = code.find(kCallCode); i != std::string::npos && i + kCall <= code.size() && i < kWindow;
         i = code.find(kCallCode, i + 1)) {
      int32_t distance = 0;
      std::memcpy(&distance, code.data() + i + 1, sizeof(distance));
      const uint64_t target = at + i + kCall + static_cast<uint64_t>(int64_t{distance});
      if (known(target)) calls.push_back({at + i, target});
      if (calls.size() > kMaxCalls) return Error{"its code is too large"};
    }
  }
  return calls;
}

// Functions that have one of `calls` for which `takes` says so.
template <typename Takes>
Result<std::vector<CodeRange>> Callers(const GoFile& file, const std::vector<Call>& calls, Takes takes) {
  std::vector<CodeRange> found;
  auto call = calls.begin();
  const auto read = file.ForEach([&](const GoFile::Entry& entry) {
    const CodeRange code{entry.address, entry.address + entry.size};
    while (call != calls.end() && call->from < code.begin) ++call;
    const auto first = call;
    while (call != calls.end() && call->from < code.end) ++call;
    if (first == call || LeftOut(entry.name)) return;
    if (std::any_of(first, call, [&](const Call& one) { return takes(one); })) found.push_back(code);
  });
  if (!read) return read.error();
  return found;
}

}  // namespace

Result<std::vector<CodeRange>> FindTakers(const GoFile& file) {
  std::vector<std::string_view> names;
  for (const Taking& taking : kTaking) names.push_back(taking.name);
  const auto functions = file.Find(names);
  if (!functions) return functions.error();
  std::unordered_map<uint64_t, std::string_view> taking;
  for (const Taking& one : kTaking) {
    if (const auto function = functions->find(one.name); function != functions->end()) {
      taking.emplace(function->second.address, one.unwanted);
    }
  }
  const auto receives = CallsOf(file, [&](uint64_t target) { return taking.contains(target); });
  if (!receives) return receives.error();
  auto takers = Callers(file, *receives, [&](const Call& call) {
    const std::string_view unwanted = taking.at(call.to);
    return unwanted.empty() || file.ReadCode(call.from - unwanted.size(), unwanted.size()) != unwanted;
  });
  if (!takers) return takers.error();

  std::unordered_set<uint64_t> entries;
  for (const CodeRange& taker : *takers) entries.insert(taker.begin);
  const auto calls = CallsOf(file, [&](uint64_t target) { return entries.contains(target); });
  if (!calls) return calls.error();
  const auto callers = Callers(file, *calls, [](const Call&) { return true; });
  if (!callers) return callers.error();
  takers->insert(takers->end(), callers->begin(), callers->end());
  std::ranges::sort(*takers, {}, &CodeRange::begin);
  return takers;
}

}  // namespace tracelet::runtime
