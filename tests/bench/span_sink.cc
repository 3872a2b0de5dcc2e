// A collector that only counts: span_sink ADDRESS FILE. Answers every PostSpans at once; FILE holds, as two
// native 64-bit numbers that can be read at any time, spans and calls.
#include <fcntl.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace {

struct Counts {
  std::atomic<uint64_t> spans;
  std::atomic<uint64_t> calls;
};

uint64_t TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; !bytes.empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

// PostSpansRequest{batch = 1}, Batch{spans = 1, process = 2}: all of them have a length.
uint64_t CountSpans(std::string_view request) {
  uint64_t spans = 0;
  TakeVarint(request);  // the tag of the batch
  TakeVarint(request);  // its length: it is all there is
  while (!request.empty()) {
    const uint64_t tag = TakeVarint(request);
    const uint64_t size = TakeVarint(request);
    spans += tag >> 3 == 1;
    request.remove_prefix(std::min<size_t>(size, request.size()));
  }
  return spans;
}

class Call : public grpc::ServerGenericBidiReactor {
 public:
  explicit Call(Counts& counts) : counts_(counts) { StartRead(&request_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    grpc::Slice slice;
    if (request_.TrySingleSlice(&slice).ok() || request_.DumpToSingleSlice(&slice).ok()) {
      counts_.spans += CountSpans({reinterpret_cast<const char*>(slice.begin()), slice.size()});
    }
    ++counts_.calls;
    const grpc::Slice empty;
    response_ = grpc::ByteBuffer(&empty, 1);
    StartWriteAndFinish(&response_, {}, grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  Counts& counts_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

class Service : public grpc::CallbackGenericService {
 public:
  explicit Service(Counts& counts) : counts_(counts) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* /*context*/) override {
    return new Call(counts_);
  }

 private:
  Counts& counts_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || ftruncate(fd, sizeof(Counts)) != 0) return 1;
  void* const memory = mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return 1;
  Service service(*static_cast<Counts*>(memory));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&service);
  builder.SetMaxReceiveMessageSize(64 << 20);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  server->Wait();
}
