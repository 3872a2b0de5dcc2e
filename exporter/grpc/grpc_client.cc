#include "exporter/grpc/grpc_client.h"

#include <grpc/support/log.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/byte_buffer.h>
#include <spdlog/spdlog.h>

#include <array>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "agent/cli/version.h"
#include "exporter/proto/google_rpc.pb.h"
#include "exporter/tls_files.h"

namespace tracelet::exporter {
namespace {

// gRPC tries to connect this often at first, and at most this rarely, while nobody listens.
constexpr int kFirstReconnectMs = 200;
constexpr int kLastReconnectMs = 5'000;

// Its own lines go where ours go, and only when asked for.
void LogOfGrpc(gpr_log_func_args* line) { spdlog::debug("grpc: {}", line->message); }

std::string Target(const std::string& endpoint) {
  if (endpoint.rfind(':', 0) == 0) return "localhost" + endpoint;
  return endpoint;
}

grpc::ChannelArguments Arguments(const config::Tls& tls) {
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLastReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kLastReconnectMs);  // also how long one attempt may take
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);                // a new channel is a new connection
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // ExportWorker's, which outlast gRPC's limit of five attempts
  arguments.SetUserAgentPrefix(std::string("tracelet/") + cli::kVersion);
  if (!tls.server_name.empty()) arguments.SetSslTargetNameOverride(tls.server_name);
  return arguments;
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const TlsFiles::Contents& files, bool skip_verify) {
  namespace tls = grpc::experimental;
  if (!skip_verify) {
    return grpc::SslCredentials(
        {.pem_root_certs = files.ca, .pem_private_key = files.key, .pem_cert_chain = files.cert});
  }
  tls::TlsChannelCredentialsOptions options;
  if (!files.cert.empty()) {
    options.set_certificate_provider(std::make_shared<tls::StaticDataCertificateProvider>(
        std::vector<tls::IdentityKeyCertPair>{{files.key, files.cert}}));
    options.watch_identity_key_cert_pairs();
  }
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(std::make_shared<tls::NoOpCertificateVerifier>());
  return tls::TlsCredentials(options);
}

// A ByteBuffer over the caller's bytes, kept alive for as long as gRPC needs them.
grpc::ByteBuffer Wrap(std::shared_ptr<const std::string> bytes) {
  auto* const owner = new std::shared_ptr<const std::string>(std::move(bytes));
  const grpc::Slice slice(
      const_cast<char*>((*owner)->data()), (*owner)->size(),
      [](void* data) { delete static_cast<std::shared_ptr<const std::string>*>(data); }, owner);
  return {&slice, 1};
}

std::string Unwrap(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

std::optional<std::chrono::milliseconds> RetryAfter(const std::string& details) {
  google::rpc::Status status;
  if (details.empty() || !status.ParseFromString(details)) return std::nullopt;
  for (const auto& detail : status.details()) {
    google::rpc::RetryInfo info;
    if (!detail.Is<google::rpc::RetryInfo>() || !detail.UnpackTo(&info)) continue;
    const auto& delay = info.retry_delay();
    return std::chrono::milliseconds(delay.seconds() * 1'000 + delay.nanos() / 1'000'000);
  }
  return std::nullopt;
}

}  // namespace

std::string_view GrpcCodeName(int code) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return code >= 0 && static_cast<size_t>(code) < kNames.size() ? kNames[static_cast<size_t>(code)] : "UNKNOWN";
}

// What one call needs until it has ended. A channel must not end on a thread of gRPC's, which would wait
// for itself: what has landed is freed by whoever calls next.
struct Flight {
  Flight(std::shared_ptr<grpc::Channel> on, const grpc::ByteBuffer& request)
      : channel(std::move(on)), stub(channel), body(request) {}

  grpc::ClientContext context;
  std::shared_ptr<grpc::Channel> channel;
  grpc::GenericStub stub;
  grpc::ByteBuffer body;
  grpc::ByteBuffer answer;
};

class GrpcClient::Impl {
 public:
  explicit Impl(GrpcOptions options) : options_(std::move(options)), tls_(options_.tls) {
    static std::once_flag once;
    std::call_once(once, [] { gpr_set_log_function(LogOfGrpc); });
  }

  void Start(const std::string& method, std::shared_ptr<const std::string> request, Clock::time_point deadline,
             Done done);
  void Cancel();
  void Wait();
  [[nodiscard]] const std::string& endpoint() const { return options_.endpoint; }

 private:
  Result<std::shared_ptr<grpc::Channel>> Channel();
  void Distrust(const std::shared_ptr<grpc::Channel>& channel);
  // Null when there are to be no more calls.
  Flight* Enter(std::unique_ptr<Flight> flight);
  void Leave(Flight* flight);

  const GrpcOptions options_;
  std::mutex mutex_;
  TlsFiles tls_;
  std::shared_ptr<grpc::Channel> channel_;
  std::map<Flight*, std::unique_ptr<Flight>> in_flight_;
  std::vector<std::unique_ptr<Flight>> landed_;
  std::condition_variable landing_;
  bool cancelled_ = false;
};

Result<std::shared_ptr<grpc::Channel>> GrpcClient::Impl::Channel() {
  const std::lock_guard lock(mutex_);
  if (tls_.Changed(Clock::now())) channel_.reset();
  if (channel_) return channel_;
  auto credentials = grpc::InsecureChannelCredentials();
  if (options_.tls.enabled) {
    auto files = tls_.Read();
    if (!files) return files.error();
    credentials = Credentials(*files, options_.tls.skip_verify);
  }
  channel_ = grpc::CreateCustomChannel(Target(options_.endpoint), credentials, Arguments(options_.tls));
  return channel_;
}

void GrpcClient::Impl::Distrust(const std::shared_ptr<grpc::Channel>& channel) {
  const std::lock_guard lock(mutex_);
  if (channel_ == channel) channel_.reset();
}

Flight* GrpcClient::Impl::Enter(std::unique_ptr<Flight> flight) {
  std::vector<std::unique_ptr<Flight>> landed;  // freed without the lock
  const std::lock_guard lock(mutex_);
  landed.swap(landed_);
  if (cancelled_) return nullptr;
  Flight* const entered = flight.get();
  in_flight_.emplace(entered, std::move(flight));
  return entered;
}

void GrpcClient::Impl::Leave(Flight* flight) {
  const std::lock_guard lock(mutex_);
  landed_.push_back(std::move(in_flight_.extract(flight).mapped()));
  landing_.notify_all();
}

void GrpcClient::Impl::Start(const std::string& method, std::shared_ptr<const std::string> request,
                             Clock::time_point deadline, Done done) {
  const auto channel = Channel();
  if (!channel) return done({grpc::StatusCode::UNAVAILABLE, channel.error().message, {}, {}});
  auto prepared = std::make_unique<Flight>(*channel, Wrap(std::move(request)));
  grpc::ClientContext& context = prepared->context;
  context.set_deadline(std::chrono::system_clock::now() + (deadline - Clock::now()));
  if (options_.gzip) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  for (const auto& [name, value] : options_.headers) context.AddMetadata(name, value);
  Flight* const flight = Enter(std::move(prepared));
  if (flight == nullptr) return done({grpc::StatusCode::CANCELLED, "stopping", {}, {}});

  flight->stub.UnaryCall(
      &flight->context, method, {}, &flight->body, &flight->answer,
      [this, flight, done = std::move(done)](const grpc::Status& status) {
        if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) Distrust(flight->channel);
        done({status.error_code(), status.error_message(), Unwrap(flight->answer), RetryAfter(status.error_details())});
        Leave(flight);
      });
}

void GrpcClient::Impl::Wait() {
  std::unique_lock lock(mutex_);
  landing_.wait(lock, [this] { return in_flight_.empty(); });
}

void GrpcClient::Impl::Cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (const auto& [flight, owned] : in_flight_) flight->context.TryCancel();
}

GrpcClient::GrpcClient(GrpcOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
GrpcClient::~GrpcClient() { impl_->Wait(); }

GrpcResult GrpcClient::Call(const std::string& method, std::shared_ptr<const std::string> request,
                            Clock::time_point deadline) {
  const auto result = std::make_shared<std::promise<GrpcResult>>();  // shared: set_value may outlast get
  impl_->Start(method, std::move(request), deadline, [result](GrpcResult got) { result->set_value(std::move(got)); });
  return result->get_future().get();
}

void GrpcClient::Start(const std::string& method, std::shared_ptr<const std::string> request,
                       Clock::time_point deadline, Done done) {
  impl_->Start(method, std::move(request), deadline, std::move(done));
}

void GrpcClient::Wait() { impl_->Wait(); }
void GrpcClient::Cancel() { impl_->Cancel(); }
const std::string& GrpcClient::endpoint() const { return impl_->endpoint(); }

}  // namespace tracelet::exporter
