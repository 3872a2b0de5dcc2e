// Every attribute key that a captured span can have: OpenTelemetry's semantic
// conventions, HTTP stable (semconv 1.23+) and RPC, and what is ours.
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
inline constexpr std::string_view kRpcGrpcStatusCode = "rpc.grpc.status_code";
inline constexpr std::string_view kRpcMessageId = "rpc.message.id";
inline constexpr std::string_view kRpcMessageSize = "rpc.message.compressed_size";
inline constexpr std::string_view kRpcMessageType = "rpc.message.type";
inline constexpr std::string_view kRpcMethod = "rpc.method";
inline constexpr std::string_view kRpcService = "rpc.service";
inline constexpr std::string_view kRpcSystem = "rpc.system";
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

// How a span's parent was found, or that the application's own span stands for a captured one.
inline constexpr std::string_view kLink = "tracelet.link";
// Id of the client's span by the message's name, where the agent that knows its trace did not answer.
inline constexpr std::string_view kDerivedParent = "tracelet.link.derived_parent";

// What could not be decoded of an HTTP/2 request or response, names with commas between:
// method, path, request_fields, status, response_fields.
inline constexpr std::string_view kUnknown = "tracelet.unknown";
// Messages of a call and the sum of their sizes, where every one of them was seen.
inline constexpr std::string_view kRpcRequestMessages = "tracelet.rpc.request.messages";
inline constexpr std::string_view kRpcRequestBytes = "tracelet.rpc.request.bytes";
inline constexpr std::string_view kRpcResponseMessages = "tracelet.rpc.response.messages";
inline constexpr std::string_view kRpcResponseBytes = "tracelet.rpc.response.bytes";
// Event of a call that goes on for long, with the four above as they were then.
inline constexpr std::string_view kRpcProgress = "tracelet.rpc.progress";
// Seconds that the caller gives the call (grpc-timeout).
inline constexpr std::string_view kRpcDeadline = "tracelet.rpc.deadline";
// The status was not sent: the stream was reset, and gRPC says what that stands for.
inline constexpr std::string_view kRpcStatusFromReset = "tracelet.rpc.status_from_reset";

}  // namespace tracelet::span::attributes
