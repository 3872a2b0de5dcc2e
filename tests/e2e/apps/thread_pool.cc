// A pool: a thread for each connection reads requests and waits for one of four workers, which makes the call.
// thread_pool PORT NEXT_PORT: POST /pool/ID asks POST /last/ID and answers what that answered.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <future>
#include <mutex>
#include <string>
#include <thread>

namespace {

std::mutex mutex;
std::condition_variable filled;
std::deque<std::packaged_task<std::string()>> jobs;
uint16_t next_port;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// One whole message; empty at the end.
std::string Read(int socket, std::string& rest) {
  for (;;) {
    const size_t blank = rest.find("\r\n\r\n");
    size_t length = rest.find("ontent-");
    while (length != std::string::npos && rest.compare(length + 8, 6, "ength:") != 0)
      length = rest.find("ontent-", length + 1);
    if (blank != std::string::npos && length != std::string::npos) {
      const size_t size = blank + 4 + std::strtoul(rest.c_str() + length + 14, nullptr, 10);
      if (rest.size() >= size) {
        std::string message = rest.substr(0, size);
        rest.erase(0, size);
        return message;
      }
    }
    char piece[8192];
    const ssize_t got = read(socket, piece, sizeof(piece));
    if (got <= 0) return "";
    rest.append(piece, static_cast<size_t>(got));
  }
}

void Send(int socket, const std::string& head, const std::string& body) {
  const std::string text = head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  if (write(socket, text.data(), text.size()) != static_cast<ssize_t>(text.size())) exit(1);
}

std::string BodyOf(const std::string& message) { return message.substr(message.find("\r\n\r\n") + 4); }

std::string Ask(const std::string& order, const std::string& body) {
  thread_local std::string rest;
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Loopback(next_port);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) exit(1);
  Send(socket, "POST /last/" + order + " HTTP/1.1\r\nHost: next\r\n", body);
  const std::string answer = BodyOf(Read(socket, rest));
  close(socket);
  return answer;
}

void Work() {
  for (;;) {
    std::unique_lock lock(mutex);
    filled.wait(lock, [] { return !jobs.empty(); });
    auto job = std::move(jobs.front());
    jobs.pop_front();
    lock.unlock();
    job();
  }
}

void Serve(int socket) {
  std::string rest;
  for (std::string request; !(request = Read(socket, rest)).empty();) {
    const size_t begin = request.find('/', request.find('/') + 1) + 1;
    const std::string order = request.substr(begin, request.find(' ', begin) - begin);
    std::packaged_task<std::string()> job([order, body = BodyOf(request)] { return Ask(order, body); });
    auto answer = job.get_future();
    {
      const std::lock_guard lock(mutex);
      jobs.push_back(std::move(job));
    }
    filled.notify_one();
    Send(socket, "HTTP/1.1 200 OK\r\n", answer.get());
  }
  close(socket);
}

}  // namespace

int main(int, char** arguments) {
  const sockaddr_in address = Loopback(static_cast<uint16_t>(std::atoi(arguments[1])));
  next_port = static_cast<uint16_t>(std::atoi(arguments[2]));
  const int one = 1;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, 1024) != 0) {
    return 1;
  }
  for (int i = 0; i < 4; ++i) std::thread(Work).detach();
  for (;;) std::thread(Serve, accept(listener, nullptr, nullptr)).detach();
}
