#include "agent/process/service_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <span>

#include "agent/process/container_id.h"

namespace tracelet::process {
namespace {

using Args = std::span<const std::string>;

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

std::string_view BaseName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

std::string_view Folder(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

// Without one of the extensions of source files and archives.
std::string_view Stem(std::string_view name) {
  for (std::string_view extension : {".py", ".pyc", ".js", ".mjs", ".cjs", ".ts", ".rb", ".ru", ".php", ".phar", ".pl",
                                     ".jar", ".war", ".dll", ".pyz"}) {
    if (name.size() > extension.size() && name.ends_with(extension))
      return name.substr(0, name.size() - extension.size());
  }
  return name;
}

// "order-service-1.4.2-SNAPSHOT" -> "order-service"
std::string_view WithoutVersion(std::string_view name) {
  for (size_t dash = name.find('-'); dash != std::string_view::npos; dash = name.find('-', dash + 1)) {
    if (dash > 0 && dash + 1 < name.size() && std::isdigit(static_cast<unsigned char>(name[dash + 1])) != 0) {
      return name.substr(0, dash);
    }
  }
  return name;
}

bool IsGenericScript(std::string_view stem) {
  return IsOneOf(stem, {"app", "main", "__main__", "index", "server", "start", "run", "wsgi", "asgi", "manage",
                        "artisan", "console", "config", "www", "cli", "application", "create_app"});
}

bool IsGenericFolder(std::string_view name) {
  return name.empty() ||
         IsOneOf(name, {".", "..", "/", "src", "dist", "build", "bin", "lib", "out", "target", "scripts", "current",
                        "public", "node_modules", ".bin", "venv", ".venv", "wwwroot"});
}

// The nearest folder around `path` (a file) with a name of its own.
std::string_view TellingFolder(std::string_view path) {
  for (std::string_view folder = Folder(path); !folder.empty(); folder = Folder(folder)) {
    if (!IsGenericFolder(BaseName(folder))) return BaseName(folder);
  }
  return {};
}

// A file that a runtime runs -> its name, or that of the folder it is in.
std::string ScriptName(std::string_view script, std::string_view cwd) {
  const std::string_view stem = Stem(BaseName(script));
  if (!IsGenericScript(stem)) return std::string(stem);
  std::string path(script);
  if (!script.starts_with('/')) path = cwd.empty() ? path : std::string(cwd) + "/" + path;
  const std::string_view folder = TellingFolder(path);
  return std::string(folder.empty() ? stem : folder);
}

// "shop.wsgi:app" -> "shop", "app:app" -> the folder.
std::string ModuleName(std::string_view module, std::string_view cwd) {
  module = module.substr(0, module.find(':'));
  if (module.find('/') != std::string_view::npos || module.ends_with(".py")) return ScriptName(module, cwd);
  std::string path(module);
  std::ranges::replace(path, '.', '/');
  return ScriptName(path, cwd);
}

// Value of "--name value" or "--name=value".
std::string_view Option(Args args, std::initializer_list<std::string_view> names) {
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string_view arg = args[i];
    for (std::string_view name : names) {
      if (arg == name && i + 1 < args.size()) return args[i + 1];
      if (arg.size() > name.size() && arg.starts_with(name) && arg[name.size()] == '=')
        return arg.substr(name.size() + 1);
    }
  }
  return {};
}

bool IsDottedName(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; });
}

// "package.module:attribute", as gunicorn, uvicorn, hypercorn and daphne take it.
std::string_view ApplicationArgument(Args args) {
  for (std::string_view arg : args) {
    const size_t colon = arg.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view attribute = arg.substr(colon + 1);
    if (IsDottedName(arg.substr(0, colon)) && IsDottedName(attribute.substr(0, attribute.find('(')))) return arg;
  }
  for (size_t i = 0; i < args.size(); ++i) {  // gunicorn allows "package.wsgi"
    const bool value_of_option = i > 0 && args[i - 1].starts_with('-') && args[i - 1].find('=') == std::string::npos;
    if (!value_of_option && IsDottedName(args[i]) && args[i].find('.') != std::string::npos) return args[i];
  }
  return {};
}

// Programs that run an application named on their command line; empty when `program` is none.
std::string LaunchedApplication(std::string_view program, Args args, std::string_view cwd) {
  std::string_view application;
  if (program == "flask") {
    application = Option(args, {"--app", "-A"});
  } else if (program == "celery") {
    application = Option(args, {"--app", "-A"});
  } else if (IsOneOf(program, {"gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "granian"})) {
    const std::string_view given = Option(args, {"--name", "-n"});
    if (program == "gunicorn" && !given.empty()) return std::string(given);
    application = ApplicationArgument(args);
  } else if (program == "fastapi") {
    for (std::string_view arg : args) {
      if (arg.ends_with(".py")) application = arg;
    }
  } else if (!IsOneOf(program, {"rails", "puma", "unicorn", "rackup", "nodemon", "next", "ts-node", "tsx"})) {
    return {};
  }
  if (!application.empty()) return ModuleName(application, cwd);
  const std::string inside = std::string(cwd) + "/file";
  const std::string_view folder = TellingFolder(inside);
  return std::string(folder.empty() ? program : folder);
}

// How a runtime's command line is read: which options take the next argument.
struct Runtime {
  std::string_view prefix;              // of the binary's name: "python" is python3.11 too
  std::string_view options_with_value;  // each between two spaces
  std::string_view module_option;       // "-m": its value is what runs
  std::string_view code_options;        // "-c": there is no script
  std::string_view subcommands;         // words before the script
};

constexpr std::array kRuntimes = {
    Runtime{"python", " -W -X --check-hash-based-pycs ", " -m ", " -c ", ""},
    Runtime{"pypy", " -W -X ", " -m ", " -c ", ""},
    Runtime{"node", " -r --require --import --loader --experimental-loader -C --conditions --env-file ", "",
            " -e --eval -p --print -i ", ""},
    Runtime{"bun", " --preload -r --config -c ", "", " -e ", " run "},
    Runtime{"deno", " -c --config --import-map --location ", "", " eval ", " run serve "},
    Runtime{"ruby", " -r -I -C -E -K ", "", " -e ", ""},
    Runtime{"php", " -c -d -z -S -t ", "", " -r ", ""},
    Runtime{"perl", " -I ", "", " -e -E ", ""},
    Runtime{"dotnet", " --depsfile --runtimeconfig --additionalprobingpath --fx-version ", "", "", " exec run "},
};

bool Lists(std::string_view list, std::string_view word) {
  for (size_t at = list.find(word); at != std::string_view::npos && !word.empty(); at = list.find(word, at + 1)) {
    if (at > 0 && list[at - 1] == ' ' && at + word.size() < list.size() && list[at + word.size()] == ' ') return true;
  }
  return false;
}

const Runtime* FindRuntime(std::string_view binary) {
  for (const Runtime& runtime : kRuntimes) {
    if (!binary.starts_with(runtime.prefix)) continue;
    const std::string_view rest = binary.substr(runtime.prefix.size());  // "3.11", "js"
    if (rest == "js" || std::ranges::all_of(rest, [](char c) { return (c >= '0' && c <= '9') || c == '.'; }))
      return &runtime;
  }
  return nullptr;
}

std::string RuntimeName(const Runtime& runtime, Args args, std::string_view cwd) {
  for (size_t i = 1; i < args.size(); ++i) {
    const std::string_view arg = args[i];
    if (Lists(runtime.code_options, arg)) return {};
    if (Lists(runtime.module_option, arg)) {
      if (i + 1 >= args.size()) return {};
      const std::string_view module = args[i + 1];
      if (module == "http.server") return std::string(module);  // Python's own, not a package with a server in it
      const std::string launched = LaunchedApplication(module, args.subspan(i + 2), cwd);
      return launched.empty() ? ModuleName(module, cwd) : launched;
    }
    if (Lists(runtime.options_with_value, arg)) {
      ++i;
      continue;
    }
    if (arg.empty() || arg.starts_with('-') || Lists(runtime.subcommands, arg)) continue;
    const std::string launched = LaunchedApplication(Stem(BaseName(arg)), args.subspan(i + 1), cwd);
    return launched.empty() ? ScriptName(arg, cwd) : launched;
  }
  return {};
}

std::string JavaName(Args args, std::string_view cwd) {
  for (std::string_view property : {"-Dotel.service.name=", "-Dspring.application.name="}) {
    for (std::string_view arg : args) {
      if (arg.starts_with(property) && arg.size() > property.size()) return std::string(arg.substr(property.size()));
    }
  }
  // java(1): options whose value is the next argument.
  constexpr std::string_view kWithValue =
      " -cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --add-opens --add-exports "
      "--add-reads --limit-modules --source ";
  for (size_t i = 1; i < args.size(); ++i) {
    const std::string_view arg = args[i];
    if (arg == "-jar" && i + 1 < args.size()) {
      const std::string_view jar = args[i + 1];
      const std::string name(WithoutVersion(Stem(BaseName(jar))));
      return IsGenericScript(name) ? ScriptName(jar, cwd) : name;
    }
    if (arg == "-m" || arg == "--module") {
      return i + 1 < args.size() ? std::string(args[i + 1].substr(0, args[i + 1].find('/'))) : std::string();
    }
    if (Lists(kWithValue, arg)) {
      ++i;
      continue;
    }
    if (arg.empty() || arg.starts_with('-') || arg.starts_with('@')) continue;
    // A launcher inside the jar: the folder says more than "JarLauncher".
    if (arg.starts_with("org.springframework.boot.loader.")) return ScriptName("main", cwd);
    if (arg == "org.apache.catalina.startup.Bootstrap") return "tomcat";
    return std::string(arg.substr(arg.rfind('.') + 1));
  }
  return {};
}

// "gunicorn: worker [shop:app]" -> shop, "puma: cluster worker 0: 17 [shop]" -> shop,
// "puma 6.4.2 (tcp://0.0.0.0:9292) [shop]" -> shop, "nginx: worker process" -> nginx.
std::string TitleName(std::string_view title, std::string_view cwd) {
  const std::string_view program = BaseName(title.substr(0, title.find_first_of(": ")));
  const bool rewritten = title.find(": ") != std::string_view::npos || title.starts_with("puma ");
  if (!rewritten || program.empty() || program.starts_with('-')) return {};
  const size_t open = title.rfind('[');
  if (IsOneOf(program, {"gunicorn", "puma"}) && open != std::string_view::npos && title.ends_with(']')) {
    const std::string_view application = title.substr(open + 1, title.size() - open - 2);
    if (!application.empty() && application != "gunicorn") return ModuleName(application, cwd);
  }
  return std::string(program);
}

std::string BinaryName(const ProcessInfo& info) {
  const std::string_view exe = BaseName(info.exe);
  const std::string_view called = info.args.empty() ? std::string_view{} : BaseName(info.args[0]);
  // One binary with many names: the name it was called by is what it does.
  if (!called.empty() && IsOneOf(exe, {"", "busybox", "toybox", "coreutils"})) {
    return std::string(called.starts_with('-') ? called.substr(1) : called);
  }
  return std::string(exe.empty() ? std::string_view(info.comm) : exe);
}

std::string NameFromCommandLine(const ProcessInfo& info, std::string_view cwd) {
  if (info.args.empty()) return {};
  std::string name = TitleName(info.args[0], cwd);
  if (!name.empty()) return name;
  const std::string_view called = BaseName(info.args[0]);
  const std::string_view exe = BaseName(info.exe);
  if (called == "java" || exe == "java") return JavaName(info.args, cwd);
  for (std::string_view binary : {called, exe}) {
    if (const Runtime* runtime = FindRuntime(binary)) return RuntimeName(*runtime, info.args, cwd);
  }
  return LaunchedApplication(called, Args(info.args).subspan(1), cwd);
}

std::string StatedName(const ProcessInfo& info, const NameEvidence& evidence) {
  if (!evidence.otel_service_name.empty()) return evidence.otel_service_name;
  constexpr std::string_view kKey = "service.name=";
  for (const std::string& attribute : info.resource_attributes) {
    if (attribute.starts_with(kKey) && attribute.size() > kKey.size()) return attribute.substr(kKey.size());
  }
  return {};
}

}  // namespace

bool IsStated(const ProcessInfo& info, const NameEvidence& evidence) { return !StatedName(info, evidence).empty(); }

std::string ServiceName(const ProcessInfo& info, const NameEvidence& evidence) {
  if (std::string stated = StatedName(info, evidence); !stated.empty()) return stated;
  std::string name = NameFromCommandLine(info, evidence.cwd);
  // Where both versions are in use, the unified path may still be that of the runtime's own unit.
  const bool outside = !info.container_id.empty() && ContainerId(info.cgroup) != info.container_id;
  if (name.empty() && !outside) name = SystemdUnit(info.cgroup);
  if (name.empty()) name = BinaryName(info);
  return name.empty() ? "unknown_service" : name;
}

std::vector<std::string> ParseResourceAttributes(std::string_view value) {
  std::vector<std::string> attributes;
  const auto trim = [](std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
  };
  while (!value.empty()) {
    const std::string_view member = value.substr(0, value.find(','));
    value.remove_prefix(std::min(value.size(), member.size() + 1));
    const size_t equals = member.find('=');
    if (equals == std::string_view::npos) continue;
    std::string decoded(trim(member.substr(0, equals)));
    if (decoded.empty()) continue;
    decoded += '=';
    const std::string_view text = trim(member.substr(equals + 1));
    for (size_t i = 0; i < text.size(); ++i) {
      unsigned byte = 0;
      if (text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0 &&
          std::isxdigit(static_cast<unsigned char>(text[i + 2])) != 0) {
        for (size_t digit = i + 1; digit <= i + 2; ++digit) {
          const int c = std::tolower(static_cast<unsigned char>(text[digit]));
          byte = byte * 16 + static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        decoded += static_cast<char>(byte);
        i += 2;
      } else {
        decoded += text[i];
      }
    }
    attributes.push_back(std::move(decoded));
  }
  return attributes;
}

}  // namespace tracelet::process
