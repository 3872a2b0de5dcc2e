#include "agent/cli/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tracelet::cli {
namespace {

struct PipeEnds {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<PipeEnds> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe");
  return PipeEnds{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

ssize_t ReadFully(int fd, void* buffer, size_t size) {
  ssize_t got = 0;
  do {
    got = read(fd, buffer, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

[[noreturn]] void WaitAndExec(int gate, int exec_error, char* const* argv) {
  char opened = 0;
  if (ReadFully(gate, &opened, 1) != 1) _exit(kCannotRun);
  execvp(argv[0], argv);
  const int error = errno;
  if (write(exec_error, &error, sizeof(error)) < 0) _exit(kCannotRun - 1);
  _exit(kCannotRun);
}

}  // namespace

Result<Program> Program::Fork(const std::vector<std::string>& args) {
  auto gate = MakePipe();
  if (!gate) return gate.error();
  auto exec_error = MakePipe();
  if (!exec_error) return exec_error.error();
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);

  const pid_t pid = fork();
  if (pid < 0) return SystemError("fork");
  if (pid == 0) {
    gate->write_end.Reset();  // so that the end of tracelet is the end of the gate
    WaitAndExec(gate->read_end.get(), exec_error->write_end.get(), argv.data());
  }
  return Program(pid, std::move(gate->write_end), std::move(exec_error->read_end), args.front());
}

Status Program::Release() {
  const bool opened = write(gate_.get(), "g", 1) == 1;
  gate_.Reset();
  if (!opened) return Error{name_ + " ended before it was started"};
  int error = 0;
  const bool failed = ReadFully(exec_error_.get(), &error, sizeof(error)) == sizeof(error);
  exec_error_.Reset();
  if (failed) return SystemError("cannot run " + name_, error);
  return Ok();
}

std::optional<int> Program::Ended() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) {
    status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return status_;
}

void Program::Signal(int signal) const {
  if (!status_) kill(pid_, signal);
}

}  // namespace tracelet::cli
