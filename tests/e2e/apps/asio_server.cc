// Asio's coroutines, on one thread or several that run one io_context.
// asio_server THREADS PORT NEXT_PORT: POST /asio/ID asks POST /last/ID, by a new connection, and answers what that
// answered.
#include <asio.hpp>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

uint16_t next_port;

tcp::endpoint Loopback(uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

// One whole message.
awaitable<std::string> Read(tcp::socket& socket, std::string& rest) {
  const size_t head = co_await asio::async_read_until(socket, asio::dynamic_buffer(rest), "\r\n\r\n", use_awaitable);
  size_t length = rest.find("ontent-");
  while (rest.compare(length + 8, 6, "ength:") != 0) length = rest.find("ontent-", length + 1);
  const size_t size = head + std::strtoul(rest.c_str() + length + 14, nullptr, 10);
  if (rest.size() < size) {
    co_await asio::async_read(socket, asio::dynamic_buffer(rest), asio::transfer_exactly(size - rest.size()),
                              use_awaitable);
  }
  std::string message = rest.substr(0, size);
  rest.erase(0, size);
  co_return message;
}

awaitable<void> Send(tcp::socket& socket, const std::string& head, const std::string& body) {
  const std::string text = head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  co_await asio::async_write(socket, asio::buffer(text), use_awaitable);
}

std::string BodyOf(const std::string& message) { return message.substr(message.find("\r\n\r\n") + 4); }

awaitable<std::string> Ask(std::string order, std::string body) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(Loopback(next_port), use_awaitable);
  co_await Send(socket, "POST /last/" + order + " HTTP/1.1\r\nHost: next\r\n", body);
  std::string rest;
  co_return BodyOf(co_await Read(socket, rest));
}

awaitable<void> Serve(tcp::socket socket) {
  try {
    for (std::string rest;;) {
      const std::string request = co_await Read(socket, rest);
      const size_t begin = request.find('/', request.find('/') + 1) + 1;
      const std::string order = request.substr(begin, request.find(' ', begin) - begin);
      co_await Send(socket, "HTTP/1.1 200 OK\r\n", co_await Ask(order, BodyOf(request)));
    }
  } catch (const std::system_error&) {  // its end
  }
}

awaitable<void> Accept(tcp::acceptor acceptor) {
  for (;;) {
    asio::co_spawn(acceptor.get_executor(), Serve(co_await acceptor.async_accept(use_awaitable)), asio::detached);
  }
}

}  // namespace

int main(int, char** arguments) {
  const int threads = std::atoi(arguments[1]);
  next_port = static_cast<uint16_t>(std::atoi(arguments[3]));
  asio::io_context context(threads);
  tcp::acceptor acceptor(context, Loopback(static_cast<uint16_t>(std::atoi(arguments[2]))));
  asio::co_spawn(context, Accept(std::move(acceptor)), asio::detached);
  std::vector<std::jthread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back([&] { context.run(); });
  context.run();
}
