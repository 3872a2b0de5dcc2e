// Every attribute key that a captured span can have: OpenTelemetry's semantic
// conventions, HTTP stable (semconv 1.23+), and what is ours.
#pragma once

namespace tracelet::span::attributes {

inline constexpr char kClientAddress[] = "client.address";
inline constexpr char kErrorType[] = "error.type";
inline constexpr char kHttpRequestBodySize[] = "http.request.body.size";
inline constexpr char kHttpRequestMethod[] = "http.request.method";
inline constexpr char kHttpRequestMethodOriginal[] = "http.request.method_original";
inline constexpr char kHttpResponseBodySize[] = "http.response.body.size";
inline constexpr char kHttpResponseStatusCode[] = "http.response.status_code";
inline constexpr char kHttpRoute[] = "http.route";
inline constexpr char kNetworkPeerAddress[] = "network.peer.address";
inline constexpr char kNetworkPeerPort[] = "network.peer.port";
inline constexpr char kNetworkProtocolVersion[] = "network.protocol.version";
inline constexpr char kNetworkTransport[] = "network.transport";
inline constexpr char kServerAddress[] = "server.address";
inline constexpr char kServerPort[] = "server.port";
inline constexpr char kUrlFull[] = "url.full";
inline constexpr char kUrlPath[] = "url.path";
inline constexpr char kUrlQuery[] = "url.query";
inline constexpr char kUrlScheme[] = "url.scheme";
inline constexpr char kUrlTemplate[] = "url.template";
inline constexpr char kUserAgentOriginal[] = "user_agent.original";

// Seconds from the request's first byte to the response's.
inline constexpr char kTimeToFirstByte[] = "tracelet.time_to_first_byte";
// How the exchange ended, unless it is complete: aborted, reset, no_response, incomplete, upgraded, lost.
inline constexpr char kOutcome[] = "tracelet.outcome";
// First request after lost events.
inline constexpr char kResynchronised[] = "tracelet.resynchronised";
// The head was longer than what is captured: fields may be missing.
inline constexpr char kHeadTruncated[] = "tracelet.head.truncated";
// The length of the response is invisible; it ended when nothing more came.
inline constexpr char kEndUnseen[] = "tracelet.end.unseen";

}  // namespace tracelet::span::attributes
