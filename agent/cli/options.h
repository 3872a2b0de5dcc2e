// The command line, which is stable: README.md documents it. Parsing reads
// nothing but the arguments and, to say early that a path or a pid is wrong, the
// file system and the process table.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/config.h"
#include "config/jaeger_flags.h"

namespace tracelet::cli {

enum class Command { kRun, kReplay, kCheck, kAgent, kPrintConfig, kCheckConfig };
enum class Format { kTree, kJson };

struct Options {
  Command command = Command::kRun;
  config::Config config;
  Format format = Format::kTree;
  std::string record_file;                            // run: empty, or where the events are kept
  std::string replay_file;                            // replay
  std::string config_file;                            // agent: empty, or what it is configured by; config --check
  config::JaegerFlags jaeger_flags;                   // agent: over what is in config_file
  bool print_config = false;                          // agent: say what it would run with
  std::optional<std::chrono::milliseconds> duration;  // run: stop by itself
  std::vector<std::string> program;                   // run: what follows `--`
};

// Nothing to run: help, the version, or a mistake.
struct Exit {
  int status = 0;  // 2: a mistake on the command line
  std::string text;
};
inline constexpr int kUsageError = 2;

std::variant<Options, Exit> ParseOptions(const std::vector<std::string>& args);

}  // namespace tracelet::cli
