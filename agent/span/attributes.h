// Every attribute key that a captured span can have: OpenTelemetry's semantic
// conventions, HTTP stable (semconv 1.23+), and what is ours.
#pragma once

#include <string_view>

namespace tracelet::span::attributes {

inline constexpr std::string_view kClientAddress = "client.address";
inline constexpr std::string_view kErrorType = "error.type";
inline constexpr std::string_view kHttpRequestBodySize = "http.request.body.size";
inline constexpr std::string_view kHttpRequestMethod = "http.request.method";
inline constexpr std::string_view kHttpRequestMethodOriginal = "http.request.method_original";
inline constexpr std::string_view kHttpResponseBodySize = "http.response.body.size";
inline constexpr std::string_view kHttpResponseStatusCode = "http.response.status_code";
inline constexpr std::string_view kHttpRoute = "http.route";
inline constexpr std::string_view kNetworkPeerAddress = "network.peer.address";
inline constexpr std::string_view kNetworkPeerPort = "network.peer.port";
inline constexpr std::string_view kNetworkProtocolVersion = "network.protocol.version";
inline constexpr std::string_view kNetworkTransport = "network.transport";
inline constexpr std::string_view kServerAddress = "server.address";
inline constexpr std::string_view kServerPort = "server.port";
inline constexpr std::string_view kUrlFull = "url.full";
inline constexpr std::string_view kUrlPath = "url.path";
inline constexpr std::string_view kUrlQuery = "url.query";
inline constexpr std::string_view kUrlScheme = "url.scheme";
inline constexpr std::string_view kUrlTemplate = "url.template";
inline constexpr std::string_view kUserAgentOriginal = "user_agent.original";

// Seconds from the request's first byte to the response's.
inline constexpr std::string_view kTimeToFirstByte = "tracelet.time_to_first_byte";
// How the exchange ended, unless it is complete: aborted, reset, no_response, incomplete, upgraded, lost.
inline constexpr std::string_view kOutcome = "tracelet.outcome";
// First request after lost events.
inline constexpr std::string_view kResynchronised = "tracelet.resynchronised";
// The head was longer than what is captured: fields may be missing.
inline constexpr std::string_view kHeadTruncated = "tracelet.head.truncated";
// The length of the response is invisible; it ended when nothing more came.
inline constexpr std::string_view kEndUnseen = "tracelet.end.unseen";

}  // namespace tracelet::span::attributes
