// SPDX-License-Identifier: Apache-2.0
// http_client PORT REQUESTS CPU_STAT [RATE]: sends REQUESTS keep-alive requests after a warm-up, at most RATE per
// second, and prints what the loop cost: the time of the cgroup in CPU_STAT (client and server; "-" for none), its own,
// and per BPF program its runs and run time, read by the client itself right before and right after, so that nothing
// else is in between. In the counting VM a nanosecond is an instruction. Output: "elapsed_ns N", "self_ns N", "app_ns
// N", then "prog NAME RUNS NS" for each program (needs kernel.bpf_stats_enabled).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { kWarmUp = 20, kMaxPrograms = 64 };

struct Program {
  int fd;
  char name[BPF_OBJ_NAME_LEN];
  __u64 runs, ns;
};

static struct Program programs[kMaxPrograms];
static int program_count;

static void OpenPrograms(void) {
  union bpf_attr attr = {0};
  while (program_count < kMaxPrograms && syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)) == 0) {
    union bpf_attr by_id = {.prog_id = attr.next_id};
    int fd = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &by_id, sizeof(by_id));
    if (fd >= 0) programs[program_count++].fd = fd;
    attr = (union bpf_attr){.start_id = attr.next_id};
  }
}

static void ReadPrograms(void) {
  for (int i = 0; i < program_count; i++) {
    struct bpf_prog_info info = {0};
    union bpf_attr attr = {.info = {.bpf_fd = (__u32)programs[i].fd, .info_len = sizeof(info), .info = (__u64)&info}};
    if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr))) continue;
    memcpy(programs[i].name, info.name, sizeof(info.name));
    programs[i].runs = info.run_cnt - programs[i].runs;
    programs[i].ns = info.run_time_ns - programs[i].ns;
  }
}

static unsigned long long AppNs(const char* path) {
  char text[512] = {0};
  if (!strcmp(path, "-")) return 0;
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) return perror(path), exit(1), 0;
  close(fd);
  return strtoull(text + strlen("usage_usec "), NULL, 10) * 1000;
}

static unsigned long long ClockNs(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (unsigned long long)now.tv_sec * 1000000000ull + (unsigned long long)now.tv_nsec;
}

static void WaitUntil(unsigned long long ns) {
  struct timespec time = {.tv_sec = (time_t)(ns / 1000000000ull), .tv_nsec = (long)(ns % 1000000000ull)};
  if (ClockNs(CLOCK_MONOTONIC) < ns) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static void Request(int fd) {
  static const char kRequest[] =
      "GET /index.html HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
  char buffer[4096];
  size_t used = 0, want = 0;
  if (write(fd, kRequest, sizeof(kRequest) - 1) != sizeof(kRequest) - 1) perror("write"), exit(1);
  while (!want || used < want) {
    ssize_t got = read(fd, buffer + used, sizeof(buffer) - 1 - used);
    if (got <= 0) perror("read"), exit(1);
    used += (size_t)got;
    buffer[used] = 0;
    const char *end = strstr(buffer, "\r\n\r\n"), *length = strcasestr(buffer, "Content-Length: ");
    if (end && length) want = (size_t)(end + 4 - buffer) + strtoul(length + 16, NULL, 10);
  }
}

int main(int argc, char** argv) {
  if (argc < 4) return fprintf(stderr, "usage: http_client PORT REQUESTS CPU_STAT [RATE]\n"), 2;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr*)&address, sizeof(address))) return perror("connect"), 1;
  OpenPrograms();
  for (int i = 0; i < kWarmUp; i++) Request(fd);
  ReadPrograms();
  int requests = atoi(argv[2]);
  unsigned long long interval = argc > 4 ? 1000000000ull / strtoull(argv[4], NULL, 10) : 0;
  unsigned long long app = AppNs(argv[3]), self = ClockNs(CLOCK_PROCESS_CPUTIME_ID), start = ClockNs(CLOCK_MONOTONIC);
  for (int i = 0; i < requests; i++) {
    if (interval) WaitUntil(start + (unsigned long long)i * interval);
    Request(fd);
  }
  unsigned long long elapsed = ClockNs(CLOCK_MONOTONIC) - start;
  self = ClockNs(CLOCK_PROCESS_CPUTIME_ID) - self;
  app = AppNs(argv[3]) - app;
  ReadPrograms();
  printf("elapsed_ns %llu\nself_ns %llu\napp_ns %llu\n", elapsed, self, app);
  for (int i = 0; i < program_count; i++)
    if (programs[i].runs) printf("prog %s %llu %llu\n", programs[i].name, programs[i].runs, programs[i].ns);
}
