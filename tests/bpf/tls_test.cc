// What OpenSSL encrypts and decrypts on a real connection: plaintext only, from its first
// byte on, at positions in the ciphertext that both ends agree on.
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <thread>

#include "tests/bpf/capture.h"

namespace tracelet::testing {
namespace {

void UseFreshCertificate(SSL_CTX* context) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  Require(SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1, "a key");
}

struct Exchange {
  std::string request;
  std::string response;
};

std::string ReadTls(SSL* ssl, size_t size) {
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size;) {
    const int got = SSL_read(ssl, bytes.data() + at, static_cast<int>(size - at));
    Require(got > 0, "SSL_read");
    at += static_cast<size_t>(got);
  }
  return bytes;
}

void WriteTls(SSL* ssl, const std::string& bytes) {
  size_t written = 0;
  Require(SSL_write_ex(ssl, bytes.data(), bytes.size(), &written) == 1 && written == bytes.size(), "SSL_write_ex");
}

void Talk(int version, const std::vector<Exchange>& exchanges, bool read_ahead) {
  const Sockets sockets = Connect(Family::kTcp4);
  std::thread server([&] {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    UseFreshCertificate(context);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_read_ahead(context, read_ahead ? 1 : 0);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, sockets.server);
    Require(SSL_accept(ssl) == 1, "SSL_accept");
    for (const Exchange& exchange : exchanges) {
      Require(ReadTls(ssl, exchange.request.size()) == exchange.request, "the request");
      WriteTls(ssl, exchange.response);
    }
    SSL_free(ssl);
  });
  SSL* ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
  SSL_set_fd(ssl, sockets.client);
  Require(SSL_connect(ssl) == 1, "SSL_connect");
  for (const Exchange& exchange : exchanges) {
    WriteTls(ssl, exchange.request);
    Require(ReadTls(ssl, exchange.response.size()) == exchange.response, "the response");
  }
  server.join();
  SSL_free(ssl);
}

const std::vector<Exchange> kExchanges = {
    {std::string(kRequest), std::string(kResponse)},
    {"POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n" + std::string(40'000, 'x'),
     std::string(kResponse)},
    {std::string(kRequest), "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'y')},
    {std::string(kRequest), std::string(kResponse)},
};

// Where each message begins in the ciphertext, as its first event says.
std::vector<uint64_t> Positions(const std::vector<Data>& events, const std::vector<uint64_t>& begins) {
  std::vector<uint64_t> positions;
  for (const uint64_t begin : begins) {
    const auto found = std::ranges::find(events, begin, &Data::offset);
    const bool known = found != events.end() && found->record != RECORD_UNKNOWN;
    positions.push_back(known ? begin + static_cast<uint64_t>(found->record) : 0);
  }
  return positions;
}

class TlsTest : public CaptureTest, public ::testing::WithParamInterface<std::tuple<int, bool>> {
 protected:
  void SetUp() override {
    CaptureTest::SetUp();
    settings_.tls.enabled = true;
  }
};

TEST_P(TlsTest, ReportsPlaintextAtPositionsThatBothEndsAgreeOn) {
  const auto [version, read_ahead] = GetParam();
  Capture([&, version = version, read_ahead = read_ahead] { Talk(version, kExchanges, read_ahead); });

  std::vector<uint64_t> requests;
  std::vector<uint64_t> responses;
  uint64_t sent = 0;
  uint64_t received = 0;
  for (const Exchange& exchange : kExchanges) {
    requests.push_back(sent);
    responses.push_back(received);
    sent += exchange.request.size();
    received += exchange.response.size();
  }
  for (const auto* events : {&client().sent, &client().received, &server().sent, &server().received}) {
    EXPECT_TRUE(std::ranges::all_of(
        *events, [](const struct Data& data) { return data.length == 0 || (data.flags & DATA_PLAINTEXT) != 0; }));
  }
  EXPECT_EQ(End::Length(client().sent), sent);
  EXPECT_EQ(End::Length(server().received), sent);
  EXPECT_EQ(End::Length(server().sent), received);
  EXPECT_EQ(End::Length(client().received), received);
  EXPECT_TRUE(End::Stream(client().sent).starts_with(kRequest));
  EXPECT_TRUE(End::Stream(server().received).starts_with(kRequest));

  const auto positions = Positions(client().sent, requests);
  EXPECT_EQ(positions, Positions(server().received, requests));
  EXPECT_EQ(std::ranges::count(positions, 0U), 0) << "a request has no position";
  EXPECT_TRUE(std::ranges::is_sorted(positions));
  EXPECT_EQ(Positions(client().received, responses), Positions(server().sent, responses));
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsTest,
                         ::testing::Combine(::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), ::testing::Bool()));

// The library's call returns only when the RST that follows its response has arrived.
long AwaitReset(BIO* bio, int step, const char*, size_t, int, long, int result, size_t*) {
  if (step == (BIO_CB_WRITE | BIO_CB_RETURN)) {
    pollfd one{static_cast<int>(BIO_get_fd(bio, nullptr)), 0, 0};
    MUST(poll(&one, 1, -1));
  }
  return result;
}

TEST_P(TlsTest, ReportsAResponseThatIsResetBeforeItsCallReturns) {
  Capture([version = std::get<0>(GetParam())] {
    const Sockets sockets = Connect(Family::kTcp4);
    std::thread server([&] {
      SSL_CTX* context = SSL_CTX_new(TLS_server_method());
      UseFreshCertificate(context);
      SSL_CTX_set_max_proto_version(context, version);
      SSL* ssl = SSL_new(context);
      SSL_set_fd(ssl, sockets.server);
      Require(SSL_accept(ssl) == 1, "SSL_accept");
      Require(ReadTls(ssl, kRequest.size()) == kRequest, "the request");
      BIO_set_callback_ex(SSL_get_wbio(ssl), AwaitReset);
      WriteTls(ssl, std::string(kResponse));
      SSL_free(ssl);
    });
    SSL* ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
    SSL_set_fd(ssl, sockets.client);
    Require(SSL_connect(ssl) == 1, "SSL_connect");
    WriteTls(ssl, std::string(kRequest));
    Require(ReadTls(ssl, kResponse.size()) == kResponse, "the response");
    CloseAbruptly(sockets.client);
    server.join();
  });
  ASSERT_FALSE(server().closes.empty());
  ASSERT_FALSE(server().sent.empty());
  EXPECT_GT(server().sent.front().time_ns, server().closes.back().header.time_ns);
  EXPECT_EQ(End::Stream(server().sent).substr(0, 15), kResponse.substr(0, 15));
}

// How a program moves a session's ciphertext itself.
struct Memory {
  int version = TLS1_3_VERSION;
  bool read_ahead = false;
  bool used_before = false;  // its BIOs were, by somebody else
  int together = 3;          // requests that are encrypted before the first of them is sent
  int later = together;      // the same, from the second round on
};

class MemorySession {
 public:
  MemorySession(const Memory& memory, int fd) : fd_(fd), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_, memory.version);
    ssl_ = SSL_new(context_);
    SSL_set_read_ahead(ssl_, memory.read_ahead ? 1 : 0);
    char dropped = 0;
    for (BIO* bio : {in_, out_}) {
      if (!memory.used_before) continue;
      Require(BIO_write(bio, "x", 1) == 1 && BIO_read(bio, &dropped, 1) == 1, "a byte");
    }
    SSL_set_bio(ssl_, in_, out_);
    SSL_set_connect_state(ssl_);
    while (SSL_do_handshake(ssl_) != 1) Pump();
    Flush();
  }
  ~MemorySession() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  MemorySession(const MemorySession&) = delete;

  void Write(const std::string& bytes) { WriteTls(ssl_, bytes); }
  void Flush() {
    std::string ciphertext(kMost, '\0');
    for (int size = 0; (size = BIO_read(out_, ciphertext.data(), kMost)) > 0;)
      Send(fd_, std::string_view(ciphertext).substr(0, static_cast<size_t>(size)));
  }
  std::string Read(size_t size) {
    std::string bytes;
    std::string plaintext(kMost, '\0');
    while (bytes.size() < size) {
      const int got = SSL_read(ssl_, plaintext.data(), kMost);
      if (got > 0) bytes.append(plaintext, 0, static_cast<size_t>(got));
      if (got <= 0) Pump();
    }
    return bytes;
  }

 private:
  static constexpr size_t kMost = size_t{1} << 20;  // of one write or read

  void Pump() {
    Flush();
    std::string ciphertext(kMost, '\0');
    const ssize_t got = read(fd_, ciphertext.data(), kMost);
    Require(got > 0 && BIO_write(in_, ciphertext.data(), static_cast<int>(got)) == got, "what the peer sent");
  }

  int fd_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  BIO* in_ = BIO_new(BIO_s_mem());
  BIO* out_ = BIO_new(BIO_s_mem());
};

constexpr int kRounds = 4;

void TalkInMemory(const Memory& memory) {
  const Sockets sockets = Connect(Family::kTcp4);
  std::thread server([&] {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    UseFreshCertificate(context);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, sockets.server);
    Require(SSL_accept(ssl) == 1, "SSL_accept");
    for (int round = 0; round < kRounds; ++round) {
      const int count = round == 0 ? memory.together : memory.later;
      for (int i = 0; i < count; ++i) Require(ReadTls(ssl, kRequest.size()) == kRequest, "a request");
      for (int i = 0; i < count; ++i) WriteTls(ssl, std::string(kResponse));
    }
    SSL_free(ssl);
  });
  MemorySession session(memory, sockets.client);
  for (int round = 0; round < kRounds; ++round) {
    const int count = round == 0 ? memory.together : memory.later;
    for (int i = 0; i < count; ++i) session.Write(std::string(kRequest));
    session.Flush();
    AwaitBytes(sockets.client, std::min(count, 400) * static_cast<int>(kResponse.size()));
    session.Read(static_cast<size_t>(count) * kResponse.size());
  }
  server.join();
}

class TlsMemoryTest : public TlsTest {
 protected:
  // Of the requests as the client sends them, of the responses as it receives them, and the server's same.
  struct Seen {
    std::vector<uint64_t> sent, received, server_received, server_sent;
  };
  Seen Talk(const Memory& memory) {
    Capture([memory] { TalkInMemory(memory); });
    std::vector<uint64_t> requests;
    std::vector<uint64_t> responses;
    for (size_t i = 0; i < static_cast<size_t>(memory.together) * kRounds; ++i) {
      requests.push_back(i * kRequest.size());
      responses.push_back(i * kResponse.size());
    }
    return {Positions(client().sent, requests), Positions(client().received, responses),
            Positions(server().received, requests), Positions(server().sent, responses)};
  }
};

TEST_P(TlsMemoryTest, AgreesWithTheOtherEndUnlessItIsNotCertain) {
  const auto [version, read_ahead] = GetParam();
  const Seen seen = Talk({.version = version, .read_ahead = read_ahead});
  EXPECT_EQ(seen.sent, seen.server_received);
  EXPECT_EQ(std::ranges::count(seen.sent, 0U), 0);
  const bool none = std::ranges::count(seen.received, 0U) == std::ssize(seen.received);
  EXPECT_TRUE(read_ahead ? none : seen.received == seen.server_sent);
  EXPECT_EQ(ledger_.records_lost, 0U);
}

// In one write, and in one read. Of one plaintext received the place is not certain: the session took tickets (TLS 1.3)
// with it.
TEST_P(TlsMemoryTest, FollowsManyRecordsAtOnce) {
  const auto [version, read_ahead] = GetParam();
  Seen seen = Talk({.version = version, .read_ahead = read_ahead, .together = 400});
  EXPECT_EQ(seen.sent, seen.server_received);
  EXPECT_EQ(std::ranges::count(seen.sent, 0U), 0);
  EXPECT_EQ(std::ranges::count(seen.server_sent, 0U), 0);
  const auto unknown = std::ranges::count(seen.received, 0U);
  EXPECT_LE(unknown, read_ahead ? std::ssize(seen.received) : 1);
  for (size_t i = 0; i < seen.received.size(); ++i)
    if (seen.received[i] == 0) seen.server_sent[i] = 0;
  EXPECT_EQ(seen.received, seen.server_sent);
  EXPECT_EQ(ledger_.records_lost != 0, unknown != 0);
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsMemoryTest,
                         ::testing::Combine(::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), ::testing::Bool()));

using TlsMemoryAloneTest = TlsMemoryTest;
TEST_P(TlsMemoryAloneTest, BelievesNoCountThatIsNotTheSockets) {
  const Seen seen = Talk({.version = std::get<0>(GetParam()), .used_before = true});
  EXPECT_EQ(std::ranges::count(seen.sent, 0U), std::ssize(seen.sent));
  EXPECT_EQ(std::ranges::count(seen.received, 0U), std::ssize(seen.received));
  EXPECT_EQ(std::ranges::count(seen.server_received, 0U), 0);
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsMemoryAloneTest,
                         ::testing::Combine(::testing::Values(TLS1_3_VERSION), ::testing::Values(false)));

class TlsSafetyTest : public CaptureTest {
 protected:
  void SetUp() override {
    CaptureTest::SetUp();
    settings_.tls.enabled = true;
  }
  void ExpectNoPlaintext() {
    Capture([] { Talk(TLS1_3_VERSION, {kExchanges[0]}, false); });
    for (const struct Data& data : client().sent) EXPECT_EQ(data.flags & DATA_PLAINTEXT, 0);
    EXPECT_GT(End::Length(client().sent), kRequest.size());
  }
};

// What is not followed has no place; what comes later does, once the session's count and the socket's agree again.
TEST_F(TlsSafetyTest, CountsRecordsThatAreTooMany) {
  constexpr size_t kMany = 3000;
  settings_.tls.max_cpu = 1000;
  Capture([] { TalkInMemory({.together = kMany, .later = 1}); });
  EXPECT_GE(ledger_.records_lost, 1U);
  const std::vector<uint64_t> requests = {kMany * kRequest.size(), (kMany + 1) * kRequest.size(),
                                          (kMany + 2) * kRequest.size()};
  const auto sent = Positions(client().sent, requests);
  const auto received = Positions(server().received, requests);
  EXPECT_EQ(std::ranges::count(received, 0U), 0);
  EXPECT_EQ(sent[0], 0U);
  EXPECT_EQ(sent[2], received[2]);
}

TEST_F(TlsSafetyTest, IsOffByFile) {
  settings_.tls.exclude_files = {"*/libssl.so*"};
  ExpectNoPlaintext();
}

TEST_F(TlsSafetyTest, IsOffByProgram) {
  settings_.tls.exclude_exes = {"*/*bpf_tests*"};
  ExpectNoPlaintext();
}

TEST_F(TlsSafetyTest, IsOffAsAWhole) {
  settings_.tls.enabled = false;
  ExpectNoPlaintext();
}

class Nothing : public source::EventSink {
 public:
  void OnClock(const source::ClockPair&) override {}
  void OnProcess(const process::ProcessInfo&) override {}
  void OnEvent(const event_header&) override {}
  void OnWatermark(uint64_t) override {}
};

constexpr uint8_t kBreakpoint = 0xcc;  // int3

bool IsProbed() { return *reinterpret_cast<const volatile uint8_t*>(&SSL_write_ex) == kBreakpoint; }

// What the traffic tells the test, which is another process.
struct Shared {
  std::atomic<bool> enough = false;
  std::atomic<uint64_t> exchanges = 0;
  std::atomic<uint64_t> probed = 0;  // of these
  std::atomic<bool> left = false;    // a probe, at the end
  std::atomic<int> crash = 0;        // a child is to die of this signal
};

// A child of this process does.
void DieOf(int signal) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(signal, SIG_DFL);
    raise(signal);
    _exit(1);
  }
  int status = 0;
  Require(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == signal, "a death");
}

void TalkUntilToldOtherwise(Shared& shared) {
  const Sockets sockets = Connect(Family::kTcp4);
  std::thread server([&] {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    UseFreshCertificate(context);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, sockets.server);
    Require(SSL_accept(ssl) == 1, "SSL_accept");
    char request = 0;
    while (SSL_read(ssl, &request, 1) == 1) WriteTls(ssl, std::string(1, request));
    SSL_free(ssl);
  });
  SSL* ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
  SSL_set_fd(ssl, sockets.client);
  Require(SSL_connect(ssl) == 1, "SSL_connect");
  for (char sent = 'a'; !shared.enough; sent = sent == 'z' ? 'a' : static_cast<char>(sent + 1)) {
    WriteTls(ssl, std::string(1, sent));
    Require(ReadTls(ssl, 1) == std::string(1, sent), "the answer");
    ++shared.exchanges;
    if (IsProbed()) ++shared.probed;
    if (const int signal = shared.crash.exchange(0)) DieOf(signal);
  }
  SSL_shutdown(ssl);
  server.join();
  SSL_free(ssl);
  // Another tracelet on this machine takes its own away some time.
  for (int waited_ms = 0; waited_ms < 20'000 && IsProbed(); waited_ms += 50)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  shared.left = IsProbed();
}

// A process that talks to itself while its library is probed and let go again.
class TlsProbesTest : public TlsSafetyTest {
 protected:
  void SetUp() override {
    TlsSafetyTest::SetUp();
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared_ = new (memory) Shared;
    stage_ = std::make_unique<Stage>([] {}, [shared = shared_] { TalkUntilToldOtherwise(*shared); });
    stage_->Go();
    ASSERT_TRUE(AwaitPeace()) << "another tracelet that runs on this machine probes the same library";
  }
  void TearDown() override {
    shared_->enough = true;
    EXPECT_TRUE(stage_->Finish()) << "a call failed";
    EXPECT_FALSE(shared_->left) << "a probe is left";
  }

  // Until nobody else probes what it calls.
  bool AwaitPeace() {
    for (int waited_ms = 0; waited_ms < 60'000; waited_ms += 50) {
      const uint64_t probed = shared_->probed;
      const uint64_t exchanges = shared_->exchanges;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (shared_->probed == probed && shared_->exchanges > exchanges) return true;
    }
    return false;
  }

  void Start() {
    config::Selector selector;
    selector.tree = static_cast<uint32_t>(stage_->pid());
    auto source = source::BpfSource::Start(settings_, selector);
    ASSERT_TRUE(source.has_value()) << source.error().message;
    source_ = std::move(*source);
  }
  void PollUntil(const std::function<bool()>& done) {
    Nothing nothing;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done() && std::chrono::steady_clock::now() < end) {
      ASSERT_TRUE(source_->Poll(nothing, std::chrono::milliseconds(1)).has_value());
    }
    ASSERT_TRUE(done()) << "not within 20 s";
  }
  void PollUntilProbed() {
    PollUntil([&, before = shared_->probed.load()] { return shared_->probed > before + 10; });
  }
  void ExpectNotProbedAgain() {
    // A hundred in a row; another tracelet on this machine may probe the library for a while.
    uint64_t probed = shared_->probed;
    uint64_t since = shared_->exchanges;
    PollUntil([&] {
      if (probed != shared_->probed) since = shared_->exchanges;
      probed = shared_->probed;
      return shared_->exchanges > since + 100;
    });
  }

  Shared* shared_ = nullptr;
  std::unique_ptr<Stage> stage_;
  std::unique_ptr<source::BpfSource> source_;
};

// TRACELET_ROUNDS=1000 for the long proof.
TEST_F(TlsProbesTest, ComeAndGoUnderLoadAndHarmNoCall) {
  const char* wanted = getenv("TRACELET_ROUNDS");
  const int rounds = wanted != nullptr ? std::atoi(wanted) : 5;
  for (int round = 0; round < rounds; ++round) {
    Start();
    PollUntilProbed();
    source_->Stop();
  }
  std::printf("%d rounds, %llu calls of which %llu probed\n", rounds,
              static_cast<unsigned long long>(shared_->exchanges), static_cast<unsigned long long>(shared_->probed));
}

TEST_F(TlsProbesTest, AreTakenAwayWhenTheyCostTooMuch) {
  settings_.tls.max_cpu = 0.0001;
  settings_.cost_sample_period_s = 1;
  Start();
  PollUntilProbed();
  std::printf("a probe takes %llu ns here\n", static_cast<unsigned long long>(source_->tls().trap_ns));
  EXPECT_GT(source_->tls().trap_ns, 100U);  // a trap, whatever the machine
  EXPECT_LT(source_->tls().trap_ns, 1'000'000U);
  PollUntil([&] { return source_->tls().detached_costs == 1; });
  EXPECT_EQ(source_->tls().files, 0U);
  ExpectNotProbedAgain();
}

TEST_F(TlsProbesTest, AreTakenAwayFromTheFilesOfAProgramThatCrashes) {
  Start();
  PollUntilProbed();
  shared_->crash = SIGTERM;
  PollUntil([&, until = shared_->exchanges + 100] { return shared_->exchanges > until; });
  EXPECT_EQ(source_->tls().detached_crashes, 0U) << "ended, but by no fault";
  shared_->crash = SIGSEGV;
  PollUntil([&] { return source_->tls().detached_crashes == 1; });
  EXPECT_EQ(source_->tls().files, 0U);
  ExpectNotProbedAgain();
}

}  // namespace
}  // namespace tracelet::testing
