#include "tests/bench/export/counting_sink.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <httplib.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace tracelet::bench {
namespace {

class AnyCall : public grpc::ServerGenericBidiReactor {
 public:
  AnyCall() { StartRead(&request_); }
  void OnReadDone(bool ok) override {
    const grpc::Slice empty;
    answer_ = grpc::ByteBuffer(&empty, 1);
    if (ok) {
      StartWriteAndFinish(&answer_, {}, grpc::Status::OK);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer request_;
  grpc::ByteBuffer answer_;
};

class AnyService : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* /*context*/) override {
    return new AnyCall;
  }
};

[[noreturn]] void Serve(int report_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int ports[2] = {};
  AnyService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &ports[0]);
  builder.RegisterCallbackGenericService(&service);
  const auto server = builder.BuildAndStart();
  httplib::Server http;
  http.Post(".*", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("", "application/x-protobuf");
  });
  ports[1] = http.bind_to_any_port("127.0.0.1");
  if (write(report_fd, ports, sizeof(ports)) != sizeof(ports)) std::abort();
  http.listen_after_bind();
  std::abort();
}

}  // namespace

CountingSink::CountingSink() {
  int report[2];
  if (pipe(report) != 0) std::abort();
  child_ = fork();
  if (child_ == 0) Serve(report[1]);
  close(report[1]);
  if (read(report[0], ports_, sizeof(ports_)) != sizeof(ports_)) std::abort();
  close(report[0]);
}

void CountingSink::Hang() const { kill(child_, SIGSTOP); }

CountingSink::~CountingSink() {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

}  // namespace tracelet::bench
