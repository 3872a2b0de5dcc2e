#include "agent/cli/options.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "agent/cli/version.h"
#include "bpf/state.h"
#include "config/check.h"

namespace tracelet::cli {
namespace {

constexpr uint32_t kMaxPid = 1u << 22;  // PID_MAX_LIMIT, include/linux/threads.h
constexpr double kMaxDurationS = 366 * 86'400;

constexpr const char* kExamples =
    "Examples:\n"
    "  tracelet run                                every request on this host, as trees\n"
    "  tracelet run -- ./start-all.sh              only what this command and its children do\n"
    "  tracelet run --exe '*/nginx' --port 8080    one program, one port\n"
    "  tracelet run --pid 4121 --format json       one JSON object per span\n"
    "  tracelet run --record day.trc --duration 60 keep a minute of events ...\n"
    "  tracelet replay day.trc                     ... and look at it again, anywhere, without root\n"
    "  tracelet run --otlp localhost:4317          also send them to a collector\n"
    "  tracelet agent --config tracelet.toml       as a daemon\n"
    "  tracelet agent --reporter.grpc.host-port=c:14250   in the place of jaeger-agent\n"
    "  tracelet check                              can this kernel do it? what is missing?";

struct Declared {
  CLI::App* run = nullptr;
  CLI::App* replay = nullptr;
  CLI::App* check = nullptr;
  CLI::App* agent = nullptr;
  CLI::App* config = nullptr;
  bool print_default = false;
  std::string config_file;
  std::string check_file;
  std::string otlp;
  std::string jaeger;
  double duration_s = 0;
};

std::string RunningProcess(const std::string& text) {
  const long pid = std::strtol(text.c_str(), nullptr, 10);
  return kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH ? "there is no process " + text : "";
}

void AddFormat(CLI::App* command, Options& options) {
  const auto set = [&options](const std::string& name) {
    options.format = name == "json" ? Format::kJson : Format::kTree;
  };
  command->add_option_function<std::string>("--format", set, "tree: for people; json: one object per line and span")
      ->check(CLI::IsMember({"tree", "json"}))
      ->type_name("");
}

void AddSelector(CLI::App* run, config::Selector& selector) {
  // Each option takes one value per use; what is given twice means either.
  run->add_option("--pid", selector.pids, "trace this process, not its children (repeatable)")
      ->allow_extra_args(false)
      ->check(CLI::Range(1u, kMaxPid))
      ->check(CLI::Validator(RunningProcess, ""))
      ->type_name("N");
  run->add_option("--exe", selector.exes, "trace programs whose path matches, e.g. '*/python3*' (repeatable)")
      ->allow_extra_args(false)
      ->type_name("GLOB");
  run->add_option("--port", selector.ports, "trace connections with this local or remote port (repeatable)")
      ->allow_extra_args(false)
      ->check(CLI::Range(1, 65535))
      ->type_name("N");
  run->add_option("--cgroup", selector.cgroup, "trace only what runs in this cgroup or below it")
      ->check(CLI::ExistingDirectory)
      ->type_name("PATH");
  run->add_option("--netns", selector.netns, "trace only this network namespace, e.g. /run/netns/blue")
      ->check(CLI::ExistingPath)
      ->type_name("PATH");
}

void AddRun(CLI::App& app, Options& options, Declared& declared) {
  declared.run =
      app.add_subcommand("run", "trace this host until Ctrl-C, or one command: run [OPTIONS] [-- CMD ARGS...]");
  AddSelector(declared.run, options.config.selector);
  AddFormat(declared.run, options);
  declared.run->add_option("--record", options.record_file, "also keep the events in this file, for `replay`")
      ->type_name("FILE");
  declared.run->add_option("--otlp", declared.otlp, "also send the spans there: HOST:4317, or http://HOST:4318")
      ->type_name("ENDPOINT");
  declared.run->add_option("--jaeger", declared.jaeger, "also send the spans to this collector: HOST:14250")
      ->type_name("ENDPOINT");
  declared.run->add_option("--duration", declared.duration_s, "stop after this many seconds")
      ->check(CLI::Range(0.001, kMaxDurationS))
      ->type_name("S");
  declared.run
      ->add_option("--ring-bytes", options.config.source.ring_bytes)  // for tests of lost events
      ->check(CLI::Range(4096u, 1u << 30))
      ->group("");
  declared.run->footer(
      "With `-- CMD ARGS...`: starts CMD once capture is live, traces it and what it starts, ends when it\n"
      "ends, with its exit status.");
}

void AddReplay(CLI::App& app, Options& options, Declared& declared) {
  declared.replay =
      app.add_subcommand("replay", "the whole pipeline over a recording: no root, always the same result");
  declared.replay->add_option("FILE", options.replay_file, "made by `run --record`")
      ->required()
      ->check(CLI::ExistingFile)
      ->type_name("");
  AddFormat(declared.replay, options);
}

void AddAgent(CLI::App& app, Options& options, Declared& declared) {
  declared.agent = app.add_subcommand("agent", "run as this node's daemon: forward everything, show nothing");
  declared.agent->add_option("--config", declared.config_file, "see `tracelet config --print-default`")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
  declared.agent->add_flag("--print-config", options.print_config, "show the configuration all this amounts to");
  config::AddJaegerFlags(*declared.agent, options.jaeger_flags);
  declared.agent->footer(
      "Takes the flags and the environment of jaeger-agent 1.53. With them and without --config it only\n"
      "receives what Jaeger clients send and forwards it: no eBPF, no root.");
  declared.config = app.add_subcommand("config", "show or check the configuration of the agent");
  auto* print =
      declared.config->add_flag("--print-default", declared.print_default, "every key, its default, a comment");
  auto* check = declared.config->add_option("--check", declared.check_file, "say what is wrong in FILE, and where");
  check->type_name("FILE")->excludes(print);
  declared.config->require_option(1);
}

// --otlp and --jaeger of `run`; what they say is checked like a configuration file.
std::string ApplyEndpoints(const Declared& declared, config::Config& config) {
  if (!declared.otlp.empty()) {
    config.exporter.otlp.endpoints = {declared.otlp};
    if (declared.otlp.find("://") != std::string::npos && declared.otlp.rfind("http", 0) == 0) {
      config.exporter.otlp.protocol = "http";
    }
  }
  if (!declared.jaeger.empty()) config.exporter.jaeger.endpoints = {declared.jaeger};
  const auto impossible = config::FindImpossible(config);
  return impossible.empty() ? "" : impossible.front().key + " " + impossible.front().why;
}

Exit Mistake(const std::string& sentence) {
  return {kUsageError, "tracelet: " + sentence + "\nTry `tracelet --help`.\n"};
}

std::variant<Options, Exit> Finish(Options options, const Declared& declared, bool has_program) {
  if (declared.replay->parsed()) options.command = Command::kReplay;
  if (declared.check->parsed()) options.command = Command::kCheck;
  if (declared.agent->parsed()) options.command = Command::kAgent;
  if (declared.config->parsed()) {
    options.command = declared.print_default ? Command::kPrintConfig : Command::kCheckConfig;
  }
  options.config_file = declared.config->parsed() ? declared.check_file : declared.config_file;
  if (const std::string wrong = ApplyEndpoints(declared, options.config); !wrong.empty()) return Mistake(wrong);
  if (declared.duration_s > 0) {
    options.duration = std::chrono::milliseconds(static_cast<int64_t>(declared.duration_s * 1000));
  }
  const config::Selector& selector = options.config.selector;
  if (selector.ports.size() > MAX_PORTS) {
    return Mistake("--port can be given at most " + std::to_string(MAX_PORTS) + " times");
  }
  if (has_program && !declared.run->parsed()) return Mistake("only `run` takes a command after --");
  if (has_program && options.program.empty()) return Mistake("a command is missing after --");
  if (has_program && !selector.pids.empty()) return Mistake("--pid and a command exclude each other");
  return options;
}

}  // namespace

std::variant<Options, Exit> ParseOptions(const std::vector<std::string>& args) {
  const auto dashes = std::find(args.begin(), args.end(), "--");
  const bool has_program = dashes != args.end();
  Options options;
  if (has_program) options.program.assign(dashes + 1, args.end());

  CLI::App app("Sees every HTTP request on this host, without touching the applications, linked into traces.",
               "tracelet");
  app.set_version_flag("--version", std::string("tracelet ") + kVersion);
  app.require_subcommand(1);
  app.footer(kExamples);
  Declared declared;
  AddRun(app, options, declared);
  AddReplay(app, options, declared);
  AddAgent(app, options, declared);
  declared.check = app.add_subcommand("check", "what works on this host, what does not, and the remedy");

  std::vector<std::string> reversed = config::WithEmptyValues({args.begin(), dashes});
  std::reverse(reversed.begin(), reversed.end());  // CLI11 takes them last first
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    return Exit{0, (chosen.empty() ? app : *chosen.front()).help()};
  } catch (const CLI::CallForVersion& version) {
    return Exit{0, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return Mistake(error.what());
  }
  return Finish(std::move(options), declared, has_program);
}

}  // namespace tracelet::cli
