#include "agent/ingest/zipkin_sanitizer.h"

#include <strings.h>

namespace tracelet::ingest::zipkin {
namespace {

constexpr int64_t kDefaultDurationUs = 1;
constexpr std::string_view kTrue("\1", 1);
constexpr std::string_view kFalse("\0", 1);

bool EqualFold(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// The client's send wins over a server's receive, which counts on root spans only.
void SanitizeStart(Span& span) {
  if (span.time_us) return;
  for (const Annotation& annotation : span.annotations) {
    if (annotation.value == kClientSend) {
      span.time_us = annotation.time_us;
      return;
    }
    if (annotation.value == kServerReceive && !span.parent_id) span.time_us = annotation.time_us;
  }
}

void DeriveDuration(Span& span) {
  span.duration_us = kDefaultDurationUs;
  if (span.annotations.size() < 2) return;
  int64_t first = span.annotations.front().time_us;
  int64_t last = span.annotations.back().time_us;
  for (const Annotation& annotation : span.annotations) {
    if (annotation.value == kClientSend) first = annotation.time_us;
    if (annotation.value == kClientReceive) last = annotation.time_us;
  }
  if (first >= last) return;
  // Times are what anybody sent: the difference wraps, as Go's does.
  span.duration_us = static_cast<int64_t>(static_cast<uint64_t>(last) - static_cast<uint64_t>(first));
  if (!span.time_us) span.time_us = first;
}

void SanitizeDuration(Span& span, std::forward_list<std::string>& made) {
  if (!span.duration_us) return DeriveDuration(span);
  if (*span.duration_us >= 0) return;
  const std::string& value = made.emplace_front(std::to_string(*span.duration_us));
  span.binary_annotations.push_back({"errNegativeDuration", value, AnnotationType::kString, {}});
  span.duration_us = kDefaultDurationUs;
}

void SanitizeParent(Span& span) {
  if (!span.parent_id || *span.parent_id != 0) return;
  span.binary_annotations.push_back({"errZeroParentID", "0", AnnotationType::kString, {}});
  span.parent_id.reset();
}

void SanitizeError(Span& span) {
  const size_t received = span.binary_annotations.size();
  for (size_t i = 0; i < received; ++i) {
    BinaryAnnotation& annotation = span.binary_annotations[i];
    if (annotation.type == AnnotationType::kBool || !EqualFold(annotation.key, "error")) continue;
    const std::string_view message = annotation.value;
    annotation.type = AnnotationType::kBool;
    annotation.value = EqualFold(message, "false") ? kFalse : kTrue;
    if (message.empty() || EqualFold(message, "true") || EqualFold(message, "false")) continue;
    span.binary_annotations.push_back({"error.message", message, AnnotationType::kString, {}});
  }
}

}  // namespace

void Sanitize(Span& span, std::forward_list<std::string>& made) {
  SanitizeStart(span);
  SanitizeDuration(span, made);
  SanitizeParent(span);
  SanitizeError(span);
}

}  // namespace tracelet::ingest::zipkin
