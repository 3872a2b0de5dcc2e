// Sequence rule: a call and the request that arrived at the other end of its connection
// have one name (DESIGN §5), so the one is the other's parent. Exact, without a clock.
// Either may come first: a blocking write is seen when it returns, which can be after
// the peer has read it.
//
// Two requests of one kind with one name cannot be: a base was wrong, so neither is
// linked, nor any other of that name while one of them is remembered.
#pragma once

#include "agent/base/recycled.h"
#include "agent/span/rules/verdict.h"

namespace tracelet::span {

class SequenceRule {
 public:
  struct Pair {
    RequestPtr client;
    RequestPtr server;
    bool conflict = false;
    uint32_t members = 0;
  };

  // Another request of this kind has this name.
  [[nodiscard]] bool Taken(const RequestStart& start) const;
  // Null when no request has this name.
  [[nodiscard]] const Pair* Find(const MessageName& name) const;
  // The pair that the request is in now, valid until the next call; null without a name.
  const Pair* Add(const RequestPtr& request);
  // Call it once for each added request, when its span is passed on.
  void Remove(const Request& request);

  [[nodiscard]] size_t size() const { return pairs_.size(); }

 private:
  RecycledMap<MessageName, Pair> pairs_;
};

}  // namespace tracelet::span
