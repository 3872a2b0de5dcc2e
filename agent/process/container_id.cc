#include "agent/process/container_id.h"

#include <algorithm>
#include <optional>

namespace tracelet::process {
namespace {

constexpr size_t kIdLength = 64;  // SHA-256 in hex: Docker, containerd, CRI-O and Podman alike
constexpr size_t kUuidLength = 36;
constexpr size_t kStaticPodLength = 32;  // MD5 of its manifest, in hex
constexpr std::string_view kDeleted = " (deleted)";

bool IsContainerId(std::string_view text) {
  return text.size() == kIdLength &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The id in one component of a path: "ID", "runtime-ID.scope", "slice:runtime:ID".
std::string_view IdInComponent(std::string_view component) {
  if (component.ends_with(".scope")) component.remove_suffix(6);
  if (component.find("conmon-") != std::string_view::npos) return {};
  const size_t separator = component.find_last_of("-:");
  if (separator != std::string_view::npos) component.remove_prefix(separator + 1);
  return IsContainerId(component) ? component : std::string_view{};
}

// Calls visit(component) from the last component to the first until it returns true.
template <typename Visit>
void FromInnermost(std::string_view path, Visit&& visit) {
  while (!path.empty()) {
    const size_t slash = path.rfind('/');
    const size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    if (begin < path.size() && visit(path.substr(begin))) return;
    path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

// systemd.unit(5), "String escaping": \xNN.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\\x") && i + 3 < text.size()) {
      const auto high = HexDigit(text[i + 2]);
      const auto low = HexDigit(text[i + 3]);
      if (high && low) {
        out += static_cast<char>(*high << 4 | *low);
        i += 3;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

}  // namespace

Cgroups ParseCgroups(std::string_view text) {
  std::string_view v2;
  std::string_view longest_v1;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    std::string_view path = line.substr(second + 1);
    if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
    if (line.starts_with("0::")) {
      v2 = path;
    } else if (path.size() > longest_v1.size()) {
      longest_v1 = path;
    }
  }
  Cgroups found;
  // In hybrid mode the unified hierarchy may be unused: everything is in its root.
  found.path = v2.size() > 1 || longest_v1.empty() ? v2 : longest_v1;
  found.container_id = ContainerId(v2);
  if (found.container_id.empty()) found.container_id = ContainerId(longest_v1);
  found.pod_uid = PodUid(v2);
  if (found.pod_uid.empty()) found.pod_uid = PodUid(longest_v1);
  return found;
}

std::string ContainerId(std::string_view cgroup_path) {
  std::string_view id;
  FromInnermost(cgroup_path, [&](std::string_view component) {
    id = IdInComponent(component);
    return !id.empty();
  });
  return std::string(id);
}

std::string PodUid(std::string_view cgroup_path) {
  std::string uid;
  if (cgroup_path.find("kubepods") == std::string_view::npos) return uid;
  FromInnermost(cgroup_path, [&](std::string_view component) {
    if (component.ends_with(".slice")) component.remove_suffix(6);
    const size_t at = component.starts_with("pod") ? 0 : component.find("-pod");
    if (at == std::string_view::npos) return false;
    component.remove_prefix(component.find("pod", at) + 3);
    uid = component;
    std::ranges::replace(uid, '_', '-');
    const bool hex = std::ranges::all_of(uid, [](char c) { return c == '-' || HexDigit(c); });
    if (!hex || (uid.size() != kUuidLength && uid.size() != kStaticPodLength)) uid.clear();
    return !uid.empty();
  });
  return uid;
}

std::string KubeletRoot(std::string_view cgroup_path) {
  const size_t pods = cgroup_path.find("kubepods");
  if (pods == std::string_view::npos) return {};
  const size_t slash = cgroup_path.rfind('/', pods);
  return std::string(cgroup_path.substr(0, slash == std::string_view::npos ? 0 : slash));
}

std::string SystemdUnit(std::string_view cgroup_path) {
  std::string_view unit;
  FromInnermost(cgroup_path, [&](std::string_view component) {
    if (component.ends_with(".service")) unit = component.substr(0, component.size() - 8);
    return !unit.empty() || component.ends_with(".scope") || component.ends_with(".slice") ||
           !IdInComponent(component).empty();
  });
  unit = unit.substr(0, unit.find('@'));
  return unit == "user" ? std::string() : Unescape(unit);
}

}  // namespace tracelet::process
