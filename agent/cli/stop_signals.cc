#include "agent/cli/stop_signals.h"

#include <signal.h>

namespace tracelet::cli {
namespace {

volatile sig_atomic_t received = 0;
volatile sig_atomic_t from_terminal = 0;
volatile sig_atomic_t reload = 0;

void Note(int signal, siginfo_t* info, void* /*context*/) {
  received = signal;
  from_terminal = info->si_code == SI_KERNEL;
}

void NoteReload(int /*signal*/) { reload = 1; }

}  // namespace

void StopSignals::Install() {
  struct sigaction action {};
  action.sa_sigaction = Note;
  action.sa_flags = SA_SIGINFO | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void StopSignals::InstallReload() { signal(SIGHUP, NoteReload); }

bool StopSignals::TakeReload() {
  const bool taken = reload != 0;
  reload = 0;
  return taken;
}

int StopSignals::Received() { return received; }
bool StopSignals::FromTerminal() { return from_terminal != 0; }

}  // namespace tracelet::cli
