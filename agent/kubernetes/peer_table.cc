#include "agent/kubernetes/peer_table.h"

#include <algorithm>
#include <utility>

namespace tracelet::kubernetes {
namespace {

std::string Who(const Peer& peer) { return peer.namespace_name + "/" + (peer.pod.empty() ? peer.service : peer.pod); }
std::string KindOf(const std::string& owner) { return owner.substr(0, owner.find('/')); }

}  // namespace

void PeerTable::Withdraw(const Owner& owner) {
  for (const std::string& address : owner.addresses) {
    const auto found = addresses_.find(address);
    if (found == addresses_.end()) continue;
    std::erase_if(found->second.claims, [&](const Claim& claim) { return claim.owner == owner.number; });
    if (found->second.claims.empty()) free_.push_back(address);
  }
}

void PeerTable::Claimed(const std::string& address, Claim claim, uint64_t unix_ns) {
  Entry& entry = addresses_[address];
  std::string who = Who(claim.peer);
  if (!entry.who.empty() && entry.who != who) entry.since_ns = unix_ns;
  entry.who = std::move(who);
  entry.claims.push_back(std::move(claim));
}

void PeerTable::Put(const std::string& owner, const Addresses& addresses, uint64_t unix_ns) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = owners_.try_emplace(owner);
  Owner& entry = found->second;
  if (is_new) entry.number = next_owner_++;
  Withdraw(entry);
  entry.addresses.clear();
  entry.list = lists_[KindOf(owner)];
  for (const auto& [address, peer] : addresses) {
    if (addresses_.size() >= max_addresses_ && !addresses_.contains(address)) {
      ++refused_;
      continue;
    }
    Claimed(address, {entry.number, peer}, unix_ns);
    entry.addresses.push_back(address);
  }
  if (entry.addresses.empty()) owners_.erase(found);
  // Who had an address is remembered while there is room: an eighth of the table.
  if (free_.size() <= max_addresses_ / 8) return;
  for (const std::string& address : std::exchange(free_, {})) {
    const auto at = addresses_.find(address);
    if (at != addresses_.end() && at->second.claims.empty()) addresses_.erase(at);
  }
}

void PeerTable::BeginList(const std::string& kind) {
  const std::lock_guard lock(mutex_);
  ++lists_[kind];
}

void PeerTable::EndList(const std::string& kind) {
  const std::lock_guard lock(mutex_);
  const uint64_t list = lists_[kind];
  std::erase_if(owners_, [&](const auto& owner) {
    if (KindOf(owner.first) != kind || owner.second.list == list) return false;
    Withdraw(owner.second);
    return true;
  });
}

std::optional<Peer> PeerTable::Find(const std::string& address, uint64_t start_unix_ns) const {
  const std::lock_guard lock(mutex_);
  const auto found = addresses_.find(address);
  if (found == addresses_.end() || found->second.claims.empty() || start_unix_ns < found->second.since_ns) {
    return std::nullopt;
  }
  Peer peer = found->second.claims.front().peer;
  for (const Claim& claim : found->second.claims) {
    if (Who(claim.peer) != Who(peer)) return std::nullopt;
    if (claim.peer.service != peer.service) peer.service.clear();
  }
  return peer;
}

size_t PeerTable::size() const {
  const std::lock_guard lock(mutex_);
  return addresses_.size();
}

}  // namespace tracelet::kubernetes
