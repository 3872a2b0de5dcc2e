// SPDX-License-Identifier: Apache-2.0
// verify OBJECT: loads every program of an object and prints what the verifier says of each: "prog NAME INSNS", or its
// last words. Nothing is attached.
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMaxPrograms = 32, kLogBytes = 1 << 16, kLogStats = 4 /* BPF_LOG_STATS */ };

static int Silent(enum libbpf_print_level level, const char* format, va_list arguments) {
  (void)level, (void)format, (void)arguments;
  return 0;
}

int main(int argc, char** argv) {
  static char logs[kMaxPrograms][kLogBytes];
  struct bpf_program *program, *programs[kMaxPrograms];
  int count = 0, error;
  if (argc != 2) return fprintf(stderr, "usage: verify OBJECT\n"), 2;
  libbpf_set_print(Silent);
  struct bpf_object* object = bpf_object__open_file(argv[1], NULL);
  if (!object) return perror(argv[1]), 1;
  bpf_object__for_each_program(program, object) {
    if (count == kMaxPrograms) break;
    bpf_program__set_log_level(program, kLogStats);
    bpf_program__set_log_buf(program, logs[count], kLogBytes);
    programs[count++] = program;
  }
  error = bpf_object__load(object);
  for (int i = 0; i < count; i++) {
    const char* processed = strstr(logs[i], "processed ");
    if (processed)
      printf("prog %s %ld\n", bpf_program__name(programs[i]), strtol(processed + strlen("processed "), NULL, 10));
    else
      printf("refused %s %.300s\n", bpf_program__name(programs[i]), logs[i]);
  }
  return error ? 1 : 0;
}
