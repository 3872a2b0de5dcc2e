// c-ares 1.18, which looks up names for gRPC, leaks its copy of the name when that is localhost. No function can be
// named here: it has no frame pointers, and LeakSanitizer's stack ends in it.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libcares.so\n"; }
