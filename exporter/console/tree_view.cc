#include "exporter/console/tree_view.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <ctime>

#include "exporter/console/trace_tree.h"

namespace tracelet::exporter {
namespace {

constexpr size_t kTimeColumns = 12;  // 14:03:22.118
constexpr size_t kTraceColumns = 8;  // the first digits of the trace id
constexpr size_t kStatusColumns = 3;
constexpr size_t kDurationColumns = 6;
constexpr size_t kMaxBarColumns = 30;
constexpr size_t kMinBarColumns = 10;
constexpr size_t kMinNameColumns = 24;
constexpr size_t kMaxDepthShown = 24;  // deeper rows are drawn at this depth

enum class Style { kPlain, kDim, kRed, kYellow, kGreen, kCyan, kBold };

std::string Styled(std::string text, Style style, const Terminal& terminal) {
  static constexpr const char* kCodes[] = {"", "2", "31", "33", "32", "36", "1"};  // ECMA-48 SGR
  if (!terminal.colour || style == Style::kPlain || text.find_first_not_of(' ') == std::string::npos) return text;
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<int>(style)], text);
}

struct Glyphs {
  const char *arrow, *branch, *last, *through, *note, *missing, *light, *solid, *dot;
};
const Glyphs& GlyphsFor(const Terminal& terminal) {
  static constexpr Glyphs kUnicode{" → ", "├─ ", "└─ ", "│  ", "↳ ", "–", "─", "█", " · "};
  static constexpr Glyphs kAscii{" -> ", "|- ", "`- ", "|  ", "> ", "-", "-", "#", ", "};
  return terminal.unicode ? kUnicode : kAscii;
}

// A row with everything that decides how wide the columns must be.
struct Line {
  const TraceRow* row = nullptr;
  std::string tree;        // of the line itself
  std::string tree_below;  // of the notes under it
  std::string who;
  std::string name;
};

struct Columned {
  size_t who = 0;
  size_t name = 0;
  size_t bar = 0;  // 0: no room
};

std::string Peer(const span::Span& span, const char* address_key, const char* port_key) {
  std::string address = AttributeText(span, address_key);
  const std::string port = port_key == nullptr ? "" : AttributeText(span, port_key);
  if (address.find(':') != std::string::npos) address = "[" + address + "]";
  return port.empty() ? address : address + ":" + port;
}

std::string Who(const TraceRow& row, const Terminal& terminal) {
  std::string caller;
  if (row.client != nullptr) {
    caller = row.client->process->service_name;
  } else {
    caller = Peer(*row.server, "client.address", nullptr);
  }
  std::string callee;
  if (row.server != nullptr) {
    callee = row.server->process->service_name;
  } else {
    callee = Peer(*row.client, "server.address", "server.port");
  }
  const Glyphs& glyphs = GlyphsFor(terminal);
  const auto shown = [&](const std::string& text) { return text.empty() ? "?" : Printable(text, terminal.unicode); };
  return shown(caller) + glyphs.arrow + shown(callee);
}

void Flatten(const std::vector<TraceRow>& rows, const std::string& indent, size_t depth, const Terminal& terminal,
             std::vector<Line>& lines) {
  const Glyphs& glyphs = GlyphsFor(terminal);
  for (const TraceRow& row : rows) {
    if (lines.size() > kMaxRowsShown) return;
    const bool last = &row == &rows.back();
    const bool drawn = depth > 0 && depth <= kMaxDepthShown;
    const std::string below = drawn ? indent + (last ? "   " : glyphs.through) : indent;
    Line line;
    line.row = &row;
    line.tree = drawn ? indent + (last ? glyphs.last : glyphs.branch) : indent;
    line.tree_below = below + (row.children.empty() ? "   " : glyphs.through);
    line.who = Who(row, terminal);
    line.name = Printable(row.Inner().name, terminal.unicode);
    lines.push_back(std::move(line));
    Flatten(row.children, below, depth + 1, terminal, lines);
  }
}

Columned Measure(const std::vector<Line>& lines, size_t width) {
  Columned columned{.who = 0, .name = kMinNameColumns, .bar = 0};
  for (const Line& line : lines) {
    columned.who = std::max(columned.who, Columns(line.tree) + Columns(line.who));
    columned.name = std::max(columned.name, Columns(line.name));
  }
  constexpr size_t kFixed = kTimeColumns + kTraceColumns + kStatusColumns + kDurationColumns + 10;
  const size_t room = width > kFixed + 2 * kMinNameColumns ? width - kFixed : 2 * kMinNameColumns;
  columned.who = std::min(columned.who, std::max(room / 2, room - std::min(room, columned.name)));
  columned.name = std::min(columned.name, room - columned.who);
  const size_t left = room - columned.who - columned.name;
  if (left >= kMinBarColumns + 2) columned.bar = std::min(left - 2, kMaxBarColumns);
  return columned;
}

struct Window {
  uint64_t begin = UINT64_MAX;
  uint64_t end = 0;
};

Window WindowOf(const GatheredTrace& trace) {
  Window window;
  for (const auto& span : trace.spans) {
    window.begin = std::min(window.begin, span->start_unix_ns);
    window.end = std::max(window.end, std::max(span->start_unix_ns, span->end_unix_ns));
  }
  return window;
}

std::string Bar(const TraceRow& row, const Window& window, size_t columns, const Terminal& terminal) {
  const Glyphs& glyphs = GlyphsFor(terminal);
  const double scale =
      static_cast<double>(columns) / static_cast<double>(std::max<uint64_t>(window.end - window.begin, 1));
  const auto column = [&](uint64_t time) {
    const double at = static_cast<double>(std::max(time, window.begin) - window.begin) * scale;
    return std::min(static_cast<size_t>(at), columns - 1);
  };
  const auto covers = [&](const span::Span* span, size_t at) {
    return span != nullptr && column(span->start_unix_ns) <= at && at <= column(span->end_unix_ns);
  };
  std::string bar;
  for (size_t at = 0; at < columns; ++at) {
    if (covers(&row.Inner(), at)) {
      bar += glyphs.solid;
    } else {
      bar += covers(&row.Outer(), at) ? glyphs.light : " ";
    }
  }
  return bar;
}

std::string StatusText(const TraceRow& row, const Terminal& terminal) {
  const std::string missing = GlyphsFor(terminal).missing;
  std::string status = AttributeText(row.Outer(), "http.response.status_code");
  if (status.empty()) status = AttributeText(row.Inner(), "http.response.status_code");
  if (status.size() != kStatusColumns) status.clear();
  const bool error = row.Outer().status == span::StatusCode::kError || row.Inner().status == span::StatusCode::kError;
  Style style = Style::kGreen;
  if (error || (!status.empty() && status[0] == '5')) {
    style = Style::kRed;
  } else if (status.empty() || status[0] == '4') {
    style = Style::kYellow;
  } else if (status[0] != '2') {
    style = Style::kCyan;
  }
  return Styled(PadRight(status.empty() ? missing : status, kStatusColumns), style, terminal);
}

std::string Place(const span::Span& span) {
  std::string place = fmt::format("pid {}", span.process->key.tgid);
  if (!span.process->container_id.empty()) place += " in " + span.process->container_id.substr(0, 12);
  return place;
}

// Which processes; the caller only where no line above has named it.
std::string Places(const Line& line, const Terminal& terminal) {
  const TraceRow& row = *line.row;
  if (row.client == nullptr || row.server == nullptr) return Place(row.Outer());
  const std::string callee = Place(*row.server);
  return line.tree.empty() ? Place(*row.client) + GlyphsFor(terminal).arrow + callee : callee;
}

void AddNotes(const span::Span& span, const Terminal& terminal, std::vector<std::pair<std::string, Style>>& notes) {
  const std::string error = AttributeText(span, "error.type");
  const std::string status = AttributeText(span, "http.response.status_code");
  if (!error.empty() && error != status) notes.emplace_back(Printable(error, terminal.unicode), Style::kRed);
  if (span.refused != span::LinkRefusal::kNone) {
    std::string note = fmt::format("{} not linked: {}", span.process->service_name, Name(span.refused));
    if (!span.links.empty()) note += fmt::format(", {} candidates", span.links.size());
    notes.emplace_back(Printable(note, terminal.unicode), Style::kDim);
  }
}

std::string TimeOfDay(uint64_t unix_ns) {
  const auto seconds = static_cast<time_t>(unix_ns / 1'000'000'000);
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, unix_ns / 1'000'000 % 1'000);
}

class Renderer {
 public:
  Renderer(const GatheredTrace& trace, const Terminal& terminal, const Columned& columned)
      : terminal_(terminal), columned_(columned), window_(WindowOf(trace)), trace_id_(trace.spans[0]->trace_id.Hex()) {}

  void Add(const Line& line) {
    AddRow(line);
    std::vector<std::pair<std::string, Style>> notes;
    AddNotes(line.row->Outer(), terminal_, notes);
    if (&line.row->Inner() != &line.row->Outer()) AddNotes(line.row->Inner(), terminal_, notes);
    notes.erase(std::unique(notes.begin(), notes.end()), notes.end());
    for (const auto& [note, style] : notes) AddNote(line.tree_below, note, style);
  }
  void AddNote(const std::string& tree, const std::string& note, Style style) {
    text_ += std::string(kTimeColumns + kTraceColumns + 4, ' ');
    text_ += Styled(tree, Style::kDim, terminal_);
    text_ += Styled(GlyphsFor(terminal_).note + note, style, terminal_) + "\n";
  }
  [[nodiscard]] std::string Take() { return std::move(text_); }

 private:
  void AddRow(const Line& line) {
    const span::Span& outer = line.row->Outer();
    const size_t tree_columns = Columns(line.tree);
    const size_t who_columns = columned_.who > tree_columns ? columned_.who - tree_columns : 1;
    const bool first = text_.empty();
    text_ += Styled(first ? TimeOfDay(outer.start_unix_ns) : std::string(kTimeColumns, ' '), Style::kDim, terminal_);
    text_ += "  " + Styled(first ? trace_id_.substr(0, kTraceColumns) : std::string(kTraceColumns, ' '), Style::kDim,
                           terminal_);
    text_ += "  " + Styled(line.tree, Style::kDim, terminal_);
    text_ += Styled(PadRight(Shorten(line.who, who_columns, terminal_.unicode), who_columns), Style::kBold, terminal_);
    text_ += "  " + PadRight(Shorten(line.name, columned_.name, terminal_.unicode), columned_.name);
    text_ += "  " + StatusText(*line.row, terminal_);
    text_ +=
        fmt::format("  {:>{}}", RenderDuration(outer.end_unix_ns - std::min(outer.start_unix_ns, outer.end_unix_ns)),
                    kDurationColumns);
    if (columned_.bar > 0) text_ += "  " + Bar(*line.row, window_, columned_.bar, terminal_);
    AddPlaces(line);
    text_.erase(text_.find_last_not_of(' ') + 1);
    text_ += "\n";
  }
  void AddPlaces(const Line& line) {
    const size_t used = kTimeColumns + kTraceColumns + columned_.who + columned_.name + kStatusColumns +
                        kDurationColumns + 10 + (columned_.bar > 0 ? columned_.bar + 2 : 0);
    const std::string places = Places(line, terminal_);
    if (used + 2 + Columns(places) <= terminal_.width) text_ += "  " + Styled(places, Style::kDim, terminal_);
  }

  const Terminal& terminal_;
  Columned columned_;
  Window window_;
  std::string trace_id_;
  std::string text_;
};

}  // namespace

std::string RenderDuration(uint64_t nanoseconds) {
  const double us = static_cast<double>(nanoseconds) / 1e3;
  const auto digits = [](double value, const char* unit) {
    return fmt::format("{:.{}f}{}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit);
  };
  if (us < 999.5) return fmt::format("{:.0f}us", us);
  if (us < 999'500) return digits(us / 1e3, "ms");
  return digits(us / 1e6, "s");
}

std::string RenderTrace(const GatheredTrace& trace, const Terminal& terminal) {
  const std::vector<TraceRow> rows = BuildTree(trace.spans);
  std::vector<Line> lines;
  Flatten(rows, "", 0, terminal, lines);
  Renderer renderer(trace, terminal, Measure(lines, terminal.width));
  const bool too_many = lines.size() > kMaxRowsShown;
  if (too_many) lines.resize(kMaxRowsShown);
  for (const Line& line : lines) renderer.Add(line);
  if (too_many)
    renderer.AddNote("", fmt::format("and more: this trace has {} spans", trace.spans.size()), Style::kYellow);
  return renderer.Take();
}

}  // namespace tracelet::exporter
