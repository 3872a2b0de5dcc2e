#include "agent/source/return_probes.h"

#include <sys/utsname.h>

#include <array>
#include <charconv>

namespace tracelet::source {

bool ReturnProbesHarm([[maybe_unused]] std::string_view release) {
#if defined(__x86_64__)
  std::array<int, 3> version{};
  const char* at = release.data();
  const char* const end = at + release.size();
  for (int& number : version) {
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return false;
    at = next;
    if (at == end || *at != '.') break;
    ++at;
  }
  const auto [major, minor, patch] = version;
  if (major != 6) return false;
  return minor == 11 || (minor == 12 && patch < 14) || (minor == 13 && patch < 3);
#else
  return false;
#endif
}

bool ReturnProbesHarmHere() {
  utsname kernel{};
  return uname(&kernel) == 0 && ReturnProbesHarm(kernel.release);
}

}  // namespace tracelet::source
