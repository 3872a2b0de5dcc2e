#include "agent/conn/from_event.h"

#include <string_view>

#include "agent/conn/address.h"

namespace tracelet::conn {
namespace {

std::shared_ptr<const Endpoints> MakeEndpoints(const event_open& event, bool unix_socket) {
  auto endpoints = std::make_shared<Endpoints>();
  endpoints->unix_socket = unix_socket;
  if (!unix_socket) {
    endpoints->local_address = FormatAddress(event.local_address);
    endpoints->remote_address = FormatAddress(event.remote_address);
    endpoints->local_port = event.local_port;
    endpoints->remote_port = event.remote_port;
    return endpoints;
  }
  const bool abstract = event.unix_path[0] == '\0' && event.unix_path[1] != '\0';
  const std::string_view path(event.unix_path + (abstract ? 1 : 0), sizeof(event.unix_path) - (abstract ? 1 : 0));
  endpoints->unix_path = abstract ? "@" : "";
  endpoints->unix_path += path.substr(0, path.find('\0'));
  return endpoints;
}

}  // namespace

ConnectionInfo MakeInfo(const event_open& event, uint64_t number) {
  ConnectionInfo info;
  info.number = number;
  info.id = event.conn;
  info.flags = event.flags;
  info.family = event.family;
  info.role = event.role;
  if (event.accepted_here != 0) {
    info.accept_tid = event.header.tid;
    info.accept_waits = event.waits;
  }
  info.endpoints = MakeEndpoints(event, info.is_unix());
  if (info.is_unix()) info.peer_inode = event.peer_inode;
  return info;
}

Operation MakeOperation(const event_data& event, uint32_t lost) {
  Operation operation;
  operation.time_ns = event.header.time_ns;
  operation.process = {event.header.tgid, event.header.tgid_start_ns};
  operation.tid = event.header.tid;
  operation.thread_start = event.header.thread_start;
  operation.waits = event.waits;
  operation.waits_known = (event.flags & DATA_NO_THREAD) == 0;
  operation.thread_born = (event.flags & DATA_THREAD_BORN) != 0;
  operation.lost = lost;
  operation.attempts = event.attempts;
  operation.blocking = (event.flags & DATA_BLOCKING) != 0;
  operation.evidence_type = event.evidence_type;
  operation.evidence = event.evidence;
  operation.evidence_parent = event.evidence_parent;
  return operation;
}

}  // namespace tracelet::conn
