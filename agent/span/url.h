// Request targets and what of them may leave the process. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tracelet::span {

// A request target in any of its forms (RFC 9112 §3.2), as views into it.
struct Target {
  std::string_view scheme;     // absolute form only
  std::string_view authority;  // absolute and authority form, without user information
  std::string_view path;       // "*" in asterisk form, empty in authority form
  std::string_view query;      // without '?'
  bool has_query = false;
};

// `connect`: the method is CONNECT, so the target is an authority.
Target ParseTarget(std::string_view target, bool connect);

struct HostPort {
  std::string_view host;  // IPv6 without brackets
  uint16_t port = 0;      // 0: none given
};
HostPort ParseAuthority(std::string_view authority);

// Appends "a=REDACTED&b=2" for "a=1&b=2" with b allowed. What has no '=' is a value.
void AppendRedacted(std::string_view query, const std::vector<std::string>& allowed_keys, std::string& text);

}  // namespace tracelet::span
