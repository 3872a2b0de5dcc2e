// An HTTP exchange -> name, status and attributes of its span, by OpenTelemetry's
// stable HTTP conventions. Nothing that may be secret gets past here: values of
// query parameters unless allowed, user information in URLs, the query's fragment.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/conn/connection.h"
#include "agent/protocol/protocol.h"
#include "agent/span/span.h"

namespace tracelet::span {

struct HttpSpanOptions {
  std::vector<std::string> allowed_query_keys;
  // Path -> route of a service; see pipeline::RouteGrouper.
  std::function<std::string(const std::string& service, std::string_view path)> route;
};

// Fills `span`, whose kind and process are set.
void DescribeHttp(const conn::ConnectionInfo& connection, const protocol::Exchange& exchange,
                  const HttpSpanOptions& options, Span& span);

}  // namespace tracelet::span
