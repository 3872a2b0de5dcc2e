// A pool: a thread for each connection reads requests and waits for one of four workers, which makes the call.
// thread_pool PORT NEXT_PORT [WAY]: POST /pool/ID asks POST /last/ID and answers. WAY is what else happens:
// after: the request is answered before, and waits for nothing; sometimes: every fifth is. left: it leaves another job
// behind, /last/ID.left; delayed: every second one does, due later; seldom: every fiftieth; priority: more or less
// urgent ones; limiter: these wait until others permit it. gather: one worker does all that it finds, the last one
// first. log: another thread tells the next one of every five requests. cron: another one does something with locks
// that requests need.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <string>
#include <thread>
#include <tuple>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::mutex mutex;
std::condition_variable filled;
uint16_t next_port;
std::string way = "pool";
std::mutex log_mutex;
std::condition_variable logged;
int records = 0;
std::shared_mutex shared;
std::counting_semaphore<> permits{0};

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

struct Job {
  Clock::time_point due;
  int priority = 0;
  std::packaged_task<void()> run;
};
std::deque<Job> jobs;

std::future<void> Add(std::function<void()> run, Clock::duration delay = {}, int priority = 0) {
  Job job{Clock::now() + delay, priority, std::packaged_task<void()>(std::move(run))};
  auto done = job.run.get_future();
  {
    const std::lock_guard lock(mutex);
    jobs.push_back(std::move(job));
  }
  filled.notify_one();
  return done;
}

// The most urgent of the jobs that are due.
void Work() {
  for (;;) {
    std::unique_lock lock(mutex);
    std::deque<Job>::iterator next;
    for (;;) {
      filled.wait(lock, [] { return !jobs.empty(); });
      const auto now = Clock::now();
      next = std::ranges::min_element(jobs, {}, [&](const Job& job) {
        return std::tuple(job.due > now, job.due > now ? 0 : -job.priority, job.due);
      });
      if (next->due <= now) break;
      filled.wait_until(lock, Clock::time_point(next->due));
    }
    Job job = std::move(*next);
    jobs.erase(next);
    lock.unlock();
    job.run();
  }
}

// All jobs that there are after a while, the last one first.
void Gather() {
  for (;;) {
    std::deque<Job> all;
    {
      std::unique_lock lock(mutex);
      filled.wait(lock, [] { return !jobs.empty(); });
      lock.unlock();
      std::this_thread::sleep_for(1ms);
      lock.lock();
      all.swap(jobs);
    }
    for (; !all.empty(); all.pop_back()) all.back().run();
  }
}

// Sends what was logged when there are five records, or after a while.
void Log() {
  for (int number = 0;; ++number) {
    std::unique_lock lock(log_mutex);
    logged.wait_for(lock, 50ms, [] { return records >= 5; });
    if (records == 0) continue;
    records = 0;
    lock.unlock();
    Ask("log" + std::to_string(number), "{}");
  }
}

// Works every few milliseconds, with locks that requests need as well.
void Cron() {
  for (int number = 0;; ++number) {
    std::this_thread::sleep_for(3ms);
    const std::scoped_lock lock(shared, mutex);
    Ask("cron" + std::to_string(number), "{}");
  }
}

void Busy() {
  const std::unique_lock lock(shared);
  for (const auto end = Clock::now() + 300us; Clock::now() < end;) {
  }
}

void Answer(int socket, const std::string& order) { Send(socket, "HTTP/1.1 200 OK\r\n", R"({"id":")" + order + "\"}"); }

void Handle(int socket, int number, const std::string& order, const std::string& body) {
  const auto ask = [order, body] { Ask(order, body); };
  const auto left = [order] { Ask(order + ".left", "{}"); };
  const bool second = number % 2 == 0;
  if (way == "after" || (way == "sometimes" && number % 5 == 0)) {
    Answer(socket, order);
    Add(ask);
    return;
  }
  if (way == "left") Add(left);
  if (way == "delayed" && second) Add(left, std::chrono::microseconds(rand() % 8000));
  if (way == "seldom" && number % 50 == 0) Add(left, std::chrono::microseconds(rand() % 8000));
  if (way == "priority") Add(left, {}, second ? 1 : -1);
  if (way == "limiter") {
    if (second) {
      Add([left] {
        permits.acquire();
        left();
      });
    } else {
      permits.release();
    }
  }
  if (way == "log") {
    const std::lock_guard lock(log_mutex);
    if (++records >= 5) logged.notify_one();
  }
  if (way == "cron") Busy();
  Add(ask).get();
  if (way == "cron") Busy();
  Answer(socket, order);
}

void Serve(int socket) {
  static std::atomic<int> number = 0;
  std::string rest;
  for (std::string request; !(request = Read(socket, rest)).empty();) {
    const size_t begin = request.find('/', request.find('/') + 1) + 1;
    Handle(socket, ++number, request.substr(begin, request.find(' ', begin) - begin), BodyOf(request));
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
  if (arguments[3] != nullptr) way = arguments[3];
  for (int i = 0; i < (way == "gather" ? 1 : 4); ++i) std::thread(way == "gather" ? Gather : Work).detach();
  if (way == "log") std::thread(Log).detach();
  if (way == "cron") std::thread(Cron).detach();
  for (;;) std::thread(Serve, accept(listener, nullptr, nullptr)).detach();
}
