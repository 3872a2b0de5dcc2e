#include "exporter/console/trace_tree.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <unordered_map>

namespace tracelet::exporter {
namespace {

struct Tree {
  std::vector<const span::Span*> spans;                         // by start
  std::unordered_map<span::SpanId, std::vector<size_t>> below;  // indexes of the children
  std::vector<bool> placed;

  TraceRow Place(size_t index);
  [[nodiscard]] const std::vector<size_t>& Children(const span::Span& span) const {
    static const std::vector<size_t> kNone;
    const auto found = below.find(span.span_id);
    return found == below.end() ? kNone : found->second;
  }
};

// The one server span that answered this call.
const std::vector<size_t>* OnlyServer(const Tree& tree, const span::Span& client) {
  const std::vector<size_t>& children = tree.Children(client);
  return client.kind == span::Kind::kClient && children.size() == 1 && !tree.placed[children[0]] &&
                 tree.spans[children[0]]->kind == span::Kind::kServer
             ? &children
             : nullptr;
}

TraceRow Tree::Place(size_t index) {
  placed[index] = true;
  TraceRow row;
  const span::Span* span = spans[index];
  if (span->kind == span::Kind::kClient) {
    row.client = span;
    if (const std::vector<size_t>* server = OnlyServer(*this, *span)) {
      placed[server->front()] = true;
      row.server = spans[server->front()];
    }
  } else {
    row.server = span;
  }
  for (const size_t child : Children(row.Inner())) {
    if (!placed[child]) row.children.push_back(Place(child));
  }
  return row;
}

}  // namespace

std::vector<TraceRow> BuildTree(const std::vector<std::shared_ptr<const span::Span>>& spans) {
  Tree tree;
  std::unordered_map<span::SpanId, bool> known;
  for (const auto& span : spans) {
    tree.spans.push_back(span.get());
    known[span->span_id] = true;
  }
  std::stable_sort(tree.spans.begin(), tree.spans.end(), [](const span::Span* left, const span::Span* right) {
    return left->start_unix_ns < right->start_unix_ns;
  });
  tree.placed.resize(spans.size());
  std::vector<size_t> tops;
  for (size_t i = 0; i < tree.spans.size(); ++i) {
    const span::SpanId parent = tree.spans[i]->parent_span_id;
    if (parent && known.contains(parent)) {
      tree.below[parent].push_back(i);
    } else {
      tops.push_back(i);
    }
  }
  std::vector<TraceRow> rows;
  for (const size_t top : tops) rows.push_back(tree.Place(top));
  for (size_t i = 0; i < tree.spans.size(); ++i) {  // a circle has no top: begin anywhere
    if (!tree.placed[i]) rows.push_back(tree.Place(i));
  }
  return rows;
}

std::string AttributeText(const span::Span& span, std::string_view key) {
  for (const span::Attribute& attribute : span.attributes) {
    if (attribute.key != key) continue;
    if (const auto* text = std::get_if<std::string>(&attribute.value)) return *text;
    if (const auto* number = std::get_if<int64_t>(&attribute.value)) return fmt::format("{}", *number);
  }
  return "";
}

}  // namespace tracelet::exporter
