#include "exporter/peer/peer_server.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sodium/utils.h>

#include <atomic>
#include <mutex>
#include <utility>

#include "agent/peer/desk.h"
#include "exporter/peer/peer_codec.h"
#include "exporter/proto/peer/peer.grpc.pb.h"
#include "exporter/tls_files.h"

namespace tracelet::exporter {
namespace {

namespace api = tracelet::peer::v1;

constexpr int kMaxMessageBytes = 64 << 10;  // 1,000 names are 30 kB
constexpr unsigned kLookAtFilesEveryS = 1;

void Encode(const span::PeerAnswer& from, api::Answer& to) {
  switch (from.kind) {
    case span::PeerAnswer::Kind::kUnknown:
      break;
    case span::PeerAnswer::Kind::kPending:
      to.set_state(api::Answer::PENDING);
      to.set_wait_ms(from.wait_ms);
      break;
    case span::PeerAnswer::Kind::kFinal:
      to.set_state(api::Answer::FINAL);
      to.set_trace_id_high(from.trace_id.high);
      to.set_trace_id_low(from.trace_id.low);
      to.set_span_id(from.span_id.value);
      if (from.sampled) to.set_sampled(*from.sampled);
      break;
  }
}

// One call, until it is answered. Shared by gRPC, which says when it is done with it, and whoever
// answers: a call that ended first takes no answer any more.
class Call : public grpc::ServerUnaryReactor, public std::enable_shared_from_this<Call> {
 public:
  Call(const api::AskRequest& request, api::AskResponse& response) : response_(&response) {
    for (const api::MessageName& name : request.names()) {
      names_.push_back({.client_base = name.client_base(),
                        .server_base = name.server_base(),
                        .offset = name.offset(),
                        .stream_id = name.stream_id()});
    }
  }
  void KeepUntilDone() { self_ = shared_from_this(); }
  [[nodiscard]] const std::vector<span::MessageName>& names() const { return names_; }

  void Answer(const std::vector<span::PeerAnswer>& answers) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(finished_, true)) return;
    for (const span::PeerAnswer& answer : answers) Encode(answer, *response_->add_answers());
    Finish(grpc::Status::OK);
  }
  void Refuse(grpc::StatusCode code, const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(finished_, true)) return;
    Finish(grpc::Status(code, why));
  }
  void OnCancel() override { Refuse(grpc::StatusCode::CANCELLED, "nobody waits"); }
  void OnDone() override { const auto self = std::move(self_); }

 private:
  std::mutex mutex_;
  bool finished_ = false;
  api::AskResponse* response_;  // gRPC's, until Finish
  std::vector<span::MessageName> names_;
  std::shared_ptr<Call> self_;
};

// Dropped without an answer, it ends the call.
class Asked : public span::PeerAsked {
 public:
  explicit Asked(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~Asked() override { call_->Refuse(grpc::StatusCode::UNAVAILABLE, "the agent is stopping"); }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;
  [[nodiscard]] const std::vector<span::MessageName>& names() const override { return call_->names(); }
  void Answer(std::vector<span::PeerAnswer> answers) override { call_->Answer(answers); }

 private:
  std::shared_ptr<Call> call_;
};

Result<std::shared_ptr<grpc::ServerCredentials>> Credentials(const config::Tls& tls) {
  namespace secure = grpc::experimental;
  if (!tls.enabled) return grpc::InsecureServerCredentials();
  if (auto files = TlsFiles(tls).Read(); !files) return files.error();
  secure::TlsServerCredentialsOptions options(std::make_shared<secure::FileWatcherCertificateProvider>(
      tls.key_file, tls.cert_file, tls.ca_file, kLookAtFilesEveryS));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return secure::TlsServerCredentials(options);
}

}  // namespace

class PeerServer::Impl : public api::PeerService::CallbackService {
 public:
  Impl(std::string token, OnAsked on_asked) : token_(std::move(token)), on_asked_(std::move(on_asked)) {}

  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context, const api::AskRequest* request,
                                api::AskResponse* response) override {
    const auto call = std::make_shared<Call>(*request, *response);
    call->KeepUntilDone();
    const auto asked = std::make_shared<Asked>(call);
    if (!ShowsToken(*context)) {
      ++denied;
      call->Refuse(grpc::StatusCode::UNAUTHENTICATED, "not the token of this installation");
    } else if (request->name_version() != span::MessageName::kVersion) {
      call->Refuse(grpc::StatusCode::FAILED_PRECONDITION, "another version of names");
    } else if (call->names().size() > peer::Desk::kMaxBatch) {
      call->Refuse(grpc::StatusCode::INVALID_ARGUMENT, "too many names");
    } else if (!on_asked_(asked)) {
      call->Refuse(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many questions");
    }
    return call.get();
  }

  std::unique_ptr<grpc::Server> server;
  std::atomic<uint64_t> denied{0};

 private:
  [[nodiscard]] bool ShowsToken(const grpc::CallbackServerContext& context) const {
    const auto shown = context.client_metadata().find(kTokenHeader);
    return shown != context.client_metadata().end() && shown->second.size() == token_.size() &&
           sodium_memcmp(shown->second.data(), token_.data(), token_.size()) == 0;
  }

  const std::string token_;
  const OnAsked on_asked_;
};

Result<std::unique_ptr<PeerServer>> PeerServer::Start(const config::Peer& config, std::string token, OnAsked on_asked) {
  auto credentials = Credentials(config.tls);
  if (!credentials) return credentials.error();
  auto impl = std::make_unique<Impl>(std::move(token), std::move(on_asked));
  const std::string address = config.listen.rfind(':', 0) == 0 ? "[::]" + config.listen : config.listen;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, *credentials, &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.RegisterService(impl.get());
  impl->server = builder.BuildAndStart();
  if (!impl->server || port == 0) return Error{"peer.listen " + config.listen + ": cannot listen there"};
  return std::unique_ptr<PeerServer>(new PeerServer(std::move(impl)));
}

PeerServer::PeerServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PeerServer::~PeerServer() { Stop(); }

void PeerServer::Stop() {
  if (!impl_->server) return;
  impl_->server->Shutdown(std::chrono::system_clock::now());
  impl_->server->Wait();
  impl_->server.reset();
}

uint64_t PeerServer::denied() const { return impl_->denied; }

}  // namespace tracelet::exporter
