// The seam for outputs: a sink of final spans that can be told that no more come.
#pragma once

#include "agent/span/span.h"

namespace tracelet::exporter {

class Exporter : public span::SpanSink {
 public:
  // Passes on what it still holds. Last call.
  virtual void Finish() = 0;
};

}  // namespace tracelet::exporter
