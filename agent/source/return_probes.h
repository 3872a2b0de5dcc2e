// Which kernels must not be asked for probes where functions return (uretprobes). Any thread.
#pragma once

#include <string_view>

namespace tracelet::source {

// Since 6.11 a uretprobe on x86-64 is a system call that the process makes unknowingly, and a seccomp filter that does
// not know it (a container's, systemd's) ends the process: until 6.12.14 and 6.13.3, which let it pass
// ("seccomp: passthrough uretprobe systemcall without filtering"). `release` as uname(2) says it.
bool ReturnProbesHarm(std::string_view release);

// Of the kernel that runs. What to say then: kReturnProbesHarm.
bool ReturnProbesHarmHere();
inline constexpr const char* kReturnProbesHarm =
    "on this kernel a seccomp filter may end processes that have return probes (6.11, 6.12 before .14, 6.13 before .3)";

}  // namespace tracelet::source
