// COUNT connections, one request each: GET /short/N, answered and closed by the server. The server listens
// on PORT of any 127.0.0.x, so that 127.0.0.1-8 give enough pairs of ports.   short_connections PORT COUNT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char kReply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

static void check(int ok, const char* what) {
  if (!ok) {
    perror(what);
    exit(1);
  }
}

static void serve(int listener) {
  char buffer[1024];
  int connection;

  for (;;) {
    connection = accept(listener, NULL, NULL);
    check(connection >= 0, "accept");
    if (recv(connection, buffer, sizeof(buffer), 0) > 0)
      check(send(connection, kReply, sizeof(kReply) - 1, MSG_NOSIGNAL) > 0, "send");
    close(connection);
  }
}

static void ask(in_port_t port, int number) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
  int connection = socket(AF_INET, SOCK_STREAM, 0), size, got = 0;
  char buffer[1024];

  address.sin_addr.s_addr = htonl(0x7f000001 + number % 8);
  check(connect(connection, (struct sockaddr*)&address, sizeof(address)) == 0, "connect");
  size = snprintf(buffer, sizeof(buffer), "GET /short/%d HTTP/1.1\r\nHost: short.test\r\n\r\n", number);
  check(send(connection, buffer, size, 0) == size, "send");
  for (;;) {
    size = recv(connection, buffer, sizeof(buffer), 0);
    check(size >= 0, "recv");
    if (size == 0) break;
    got += size;
  }
  check(got == sizeof(kReply) - 1, "response");
  close(connection);
}

int main(int argc, char** argv) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  int listener = socket(AF_INET, SOCK_STREAM, 0), count, yes = 1;
  pid_t server;

  check(argc == 3, "usage");
  count = atoi(argv[2]);
  address.sin_port = htons(atoi(argv[1]));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  check(bind(listener, (struct sockaddr*)&address, sizeof(address)) == 0, "bind");
  check(listen(listener, 128) == 0, "listen");
  server = fork();
  if (server == 0) serve(listener);
  for (int number = 0; number < count; number++) ask(address.sin_port, number);
  kill(server, SIGTERM);
  waitpid(server, NULL, 0);
  return 0;
}
