// A stage is a child process in which a test makes traffic on real sockets, because
// the process that captures is never traced itself. A failed call there ends the
// child with a message, which fails the test.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tracelet::testing {

// In the child only: ends it unless `holds`.
void Require(bool holds, const char* what);
// The same for a system call's result, which it returns.
long Must(long result, const char* what);
#define MUST(call) ::tracelet::testing::Must((call), #call)

// fork() + `before` on construction, `traffic` on Go(). The child shares nothing
// with the test but what it captured by copy of memory.
class Stage {
 public:
  using Act = std::function<void()>;
  Stage(Act before, Act traffic);
  ~Stage();
  Stage(const Stage&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void Go();
  // Waits for the end; true when every call in the child went well.
  bool Finish();

 private:
  pid_t pid_ = -1;
  int go_ = -1;
  bool gone_ = false;
};

enum class Family { kTcp4, kTcp6, kMapped, kUnix };
std::string_view Name(Family family);

// A connected pair, both ends in this process. `listener` stays open.
struct Sockets {
  int listener = -1;
  int client = -1;
  int server = -1;
};
Sockets Connect(Family family);
// The same through a listener that is there already.
void ConnectTo(Sockets& sockets, Family family);

void Send(int fd, std::string_view bytes);
// Reads until `size` bytes are there.
std::string Receive(int fd, size_t size);
// Waits until this much can be read, without reading it.
void AwaitBytes(int fd, int size);
// Resets the connection.
void CloseAbruptly(int fd);

inline constexpr std::string_view kRequest = "GET /orders/7 HTTP/1.1\r\nHost: shop\r\nAccept: */*\r\n\r\n";
inline constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

}  // namespace tracelet::testing
