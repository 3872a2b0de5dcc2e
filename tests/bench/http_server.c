// SPDX-License-Identifier: Apache-2.0
// http_server PORT: the cheapest honest HTTP/1.1 server, so that what an agent adds stands out. One connection at a
// time, blocking read and write, keep-alive, the same 200 for every head.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char kResponse[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n";

static void Serve(int fd) {
  char buffer[4096];
  size_t used = 0;
  for (;;) {
    ssize_t got = read(fd, buffer + used, sizeof(buffer) - 1 - used);
    if (got <= 0) return;
    used += (size_t)got;
    buffer[used] = 0;
    if (!strstr(buffer, "\r\n\r\n")) continue;
    used = 0;
    if (write(fd, kResponse, sizeof(kResponse) - 1) < 0) return;
  }
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: http_server PORT\n"), 2;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (bind(listener, (struct sockaddr*)&address, sizeof(address)) || listen(listener, 64)) return perror("listen"), 1;
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    Serve(fd);
    close(fd);
  }
}
