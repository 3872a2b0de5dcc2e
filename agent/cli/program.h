// The command after `--`: forked early, so that its pid can be selected, and held
// at a gate until capture is live. It keeps the user's identity, terminal and
// environment. It is not ended when tracelet ends; one that was never let through
// the gate ends by itself.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/unique_fd.h"

namespace tracelet::cli {

class Program {
 public:
  static Result<Program> Fork(const std::vector<std::string>& args);

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Lets it exec; fails when there is no such program.
  Status Release();
  // Its exit status as a shell states it (128 + signal), once it has ended.
  [[nodiscard]] std::optional<int> Ended();
  void Signal(int signal) const;

 private:
  Program(pid_t pid, UniqueFd gate, UniqueFd exec_error, std::string name)
      : pid_(pid), gate_(std::move(gate)), exec_error_(std::move(exec_error)), name_(std::move(name)) {}

  pid_t pid_;
  UniqueFd gate_;        // one byte opens it, closing it ends the child
  UniqueFd exec_error_;  // carries the errno of a failed exec; end of file is success
  std::string name_;
  std::optional<int> status_;
};

inline constexpr int kCannotRun = 127;  // exit status, as of env(1)

}  // namespace tracelet::cli
