// SPDX-License-Identifier: Apache-2.0
// load_bpf OBJECT: loads an object, attaches every program in it, says "ready" and holds it until a signal comes.
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void Stop(int number) { (void)number; }

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: load_bpf OBJECT\n"), 2;
  struct bpf_object* object = bpf_object__open_file(argv[1], NULL);
  if (!object || bpf_object__load(object)) return perror(argv[1]), 1;
  struct bpf_program* program;
  bpf_object__for_each_program(program, object) {
    if (!bpf_program__attach(program)) return perror(bpf_program__name(program)), 1;
  }
  signal(SIGINT, Stop);
  signal(SIGTERM, Stop);
  fprintf(stderr, "ready\n");
  pause();
}
