#include "agent/span/url.h"

#include <algorithm>
#include <charconv>

namespace tracelet::span {
namespace {

constexpr std::string_view kRedacted = "REDACTED";  // the word of the semantic conventions

}  // namespace

Target ParseTarget(std::string_view target, bool connect) {
  Target parsed;
  if (connect) {
    parsed.authority = target;
    return parsed;
  }
  target = target.substr(0, target.find('#'));
  const size_t query = target.find('?');
  if (query != std::string_view::npos) {
    parsed.has_query = true;
    parsed.query = target.substr(query + 1);
    target = target.substr(0, query);
  }
  const size_t scheme = target.starts_with('/') ? std::string_view::npos : target.find("://");
  if (scheme != std::string_view::npos) {
    parsed.scheme = target.substr(0, scheme);
    target.remove_prefix(scheme + 3);
    const size_t path = target.find('/');
    parsed.authority = target.substr(0, path);
    parsed.authority.remove_prefix(parsed.authority.rfind('@') + 1);  // npos + 1 == 0
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  parsed.path = target;
  return parsed;
}

HostPort ParseAuthority(std::string_view authority) {
  HostPort parsed;
  size_t colon = authority.rfind(':');
  if (authority.starts_with('[')) {
    const size_t bracket = authority.find(']');
    parsed.host = authority.substr(1, bracket == std::string_view::npos ? bracket : bracket - 1);
    if (colon < bracket) colon = std::string_view::npos;
  } else {
    parsed.host = authority.substr(0, colon);
  }
  if (colon != std::string_view::npos) {
    std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), parsed.port);
  }
  return parsed;
}

void AppendRedacted(std::string_view query, const std::vector<std::string>& allowed_keys, std::string& text) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    const size_t equals = part.find('=');
    const std::string_view key = part.substr(0, equals);
    if (std::find(allowed_keys.begin(), allowed_keys.end(), key) != allowed_keys.end()) {
      text += part;
    } else if (equals != std::string_view::npos) {
      text.append(part.substr(0, equals + 1)).append(kRedacted);
    } else if (!part.empty()) {
      text += kRedacted;
    }
    if (end == std::string_view::npos) break;
    text += '&';
    query.remove_prefix(end + 1);
  }
}

}  // namespace tracelet::span
