// An event loop with a queue: one thread, epoll, one connection per request. A callback only notes
// what is to be done; what was noted is done after all callbacks, and at most two calls are under way.
// With `direct`, the callback itself makes the call.
// task_queue [direct] PORT NEXT_PORT: POST /queue/ID asks POST /last/ID and answers what that answered.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 2048, BUSY = 2 };

struct peer {
  int fd;
  struct peer* other;  // of a request: its call; of a call: its request
  int is_call;
  size_t size;
  char text[8192];
};

static struct peer* queue[MOST];
static unsigned head, tail, busy;
static int direct, epoll, next_port;

static void watch(struct peer* peer) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, peer->fd, &event)) exit(1);
}

static void drop(struct peer* peer) {
  close(peer->fd);
  free(peer);
}

// The whole message, or nothing yet.
static int complete(struct peer* peer) {
  char *blank = strstr(peer->text, "\r\n\r\n"), *length = strcasestr(peer->text, "\r\ncontent-length: ");
  return blank && length && peer->size >= (size_t)(blank + 4 - peer->text) + (size_t)atoi(length + 18);
}

static void call(struct peer* request) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)next_port)};
  struct peer* peer = calloc(1, sizeof(*peer));
  char text[9000], id[64], *body = strstr(request->text, "\r\n\r\n") + 4;
  if (sscanf(request->text, "POST /queue/%63[^ ]", id) != 1) exit(1);
  int length = snprintf(text, sizeof(text), "POST /last/%s HTTP/1.1\r\nHost: next\r\nContent-Length: %zu\r\n\r\n%s", id,
                        strlen(body), body);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  peer->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(peer->fd, (struct sockaddr*)&address, sizeof(address)) || write(peer->fd, text, (size_t)length) != length)
    exit(1);
  peer->is_call = 1;
  peer->other = request;
  watch(peer);
}

static void on_readable(struct peer* peer) {
  ssize_t got = read(peer->fd, peer->text + peer->size, sizeof(peer->text) - 1 - peer->size);
  if (got <= 0) {
    if (!peer->other) drop(peer);
    return;
  }
  peer->size += (size_t)got;
  peer->text[peer->size] = 0;
  if (!complete(peer)) return;
  if (!peer->is_call) {
    if (direct)
      call(peer);
    else
      queue[tail++ % MOST] = peer;
    return;
  }
  char text[9000], *body = strstr(peer->text, "\r\n\r\n") + 4;
  int length = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
  if (write(peer->other->fd, text, (size_t)length) != length) exit(1);
  peer->other->size = 0;
  peer->other->text[0] = 0;
  peer->other->other = NULL;
  drop(peer);
  busy -= !direct;
}

int main(int argc, char** argv) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[argc - 2]))};
  struct epoll_event events[64], listening = {.events = EPOLLIN};
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  next_port = atoi(argv[argc - 1]);
  direct = argc == 4;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  epoll = epoll_create1(0);
  if (bind(listener, (struct sockaddr*)&address, sizeof(address)) || listen(listener, MOST) ||
      epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening))
    return 1;
  for (;;) {
    int count = epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      struct peer* peer = events[i].data.ptr;
      if (peer) {
        on_readable(peer);
        continue;
      }
      peer = calloc(1, sizeof(*peer));
      peer->fd = accept(listener, NULL, NULL);
      watch(peer);
    }
    while (head != tail && busy < BUSY) {
      ++busy;
      call(queue[head++ % MOST]);
    }
  }
}
