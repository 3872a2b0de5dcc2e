#include "agent/pipeline/route_grouper.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <utility>

namespace tracelet::pipeline {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }

struct Composition {
  size_t digits = 0;
  size_t upper = 0;
  size_t lower = 0;
  size_t hex = 0;
  size_t other = 0;  // separators and the rest
};

Composition Count(std::string_view text) {
  Composition count;
  for (char c : text) {
    count.digits += IsDigit(c);
    count.upper += IsUpper(c);
    count.lower += IsLower(c);
    count.hex += IsHex(c);
    count.other += !IsDigit(c) && !IsUpper(c) && !IsLower(c);
  }
  return count;
}

// RFC 9562 §4: 8-4-4-4-12.
bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !IsHex(text[i])) return false;
  }
  return true;
}

bool IsEmail(std::string_view text) {
  for (std::string_view at : {"@", "%40"}) {
    const size_t position = text.find(at);
    if (position != std::string_view::npos && position > 0 && text.find('.', position) != std::string_view::npos)
      return true;
  }
  return false;
}

// "4711.json" -> "{id}.json": the format is part of the route.
std::string_view ShortExtension(std::string_view segment) {
  const size_t dot = segment.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  const std::string_view extension = segment.substr(dot);
  const bool letters = std::ranges::all_of(extension.substr(1), [](char c) { return IsLower(c) || IsUpper(c); });
  return extension.size() >= 3 && extension.size() <= 6 && letters ? extension : std::string_view{};
}

}  // namespace

bool IsIdSegment(std::string_view segment) {
  if (segment.empty()) return false;
  const Composition count = Count(segment);
  const size_t size = segment.size();
  if (count.digits == size) return true;
  if (IsUuid(segment) || IsEmail(segment)) return true;
  if (count.hex == size && (size >= 16 || (size >= 6 && count.digits >= 2))) return true;
  const size_t letters = count.upper + count.lower;
  if (count.digits >= 3 && count.digits >= letters) return true;  // dates, order-2024-117, +49…
  const bool token = size >= 10 && count.digits >= 2 && segment.find('.') == std::string_view::npos;
  const bool mixed_case = count.upper >= 2 && count.lower >= 2;
  if (token && count.other == 0 && (mixed_case || (count.lower == 0 && size >= 16))) return true;  // base62, ULID
  return size >= 20 && count.digits >= 3 && (mixed_case || count.other <= size / 10);  // base64url, slugs with hashes
}

RouteGrouper::RouteGrouper(size_t max_routes) : max_routes_(max_routes), cache_(kCacheSlots) {}

std::string RouteGrouper::Route(const std::string& service, std::string_view path) {
  const size_t hash = std::hash<std::string_view>{}(path)*31 + std::hash<std::string>{}(service);
  Recent& recent = cache_[hash % kCacheSlots];
  if (recent.path == path && recent.service == service && !recent.route.empty()) return recent.route;

  std::string_view rest = path;
  rest = rest.substr(0, rest.find_first_of("?#"));
  std::string route;
  while (!rest.empty() && route.size() <= kMaxRouteBytes) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    const std::string_view extension = ShortExtension(segment);
    if (IsIdSegment(segment.substr(0, segment.size() - extension.size()))) {
      route.append("{id}").append(extension);
    } else if (IsIdSegment(segment)) {
      route += "{id}";
    } else {
      route += segment;
    }
    rest.remove_prefix(segment.size());
    if (!rest.empty()) {
      route += '/';
      rest.remove_prefix(1);
    }
  }
  if (route.empty()) route = "/";
  route = Admit(service, std::move(route));
  if (path.size() <= kMaxRouteBytes) recent = Recent{service, std::string(path), route};
  return route;
}

std::string RouteGrouper::Admit(const std::string& service, std::string route) {
  auto known = routes_.find(service);
  if (known == routes_.end() && routes_.size() < kMaxServices) known = routes_.try_emplace(service).first;
  if (known != routes_.end() && route.size() <= kMaxRouteBytes) {
    if (known->second.contains(route)) return route;
    if (known->second.size() < max_routes_) {
      known->second.insert(route);
      return route;
    }
  }
  ++overflowed_;
  return std::string(kOther);
}

}  // namespace tracelet::pipeline
