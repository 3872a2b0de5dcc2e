#include "agent/source/recording.h"

#include <sys/utsname.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

namespace tracelet::source {
namespace {

using nlohmann::json;

std::string StringAt(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

uint64_t NumberAt(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

std::vector<std::string> StringsAt(const json& object, const char* key) {
  std::vector<std::string> strings;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return strings;
  for (const json& element : *found) {
    if (element.is_string()) strings.push_back(element.get<std::string>());
  }
  return strings;
}

}  // namespace

std::string ProcessToJson(const process::ProcessInfo& info) {
  const json object = {
      {"tgid", info.key.tgid},
      {"start_ns", info.key.start_ns},
      {"ppid", info.ppid},
      {"comm", info.comm},
      {"exe", info.exe},
      {"args", info.args},
      {"service_name", info.service_name},
      {"container_id", info.container_id},
      {"cgroup", info.cgroup},
      {"resource_attributes", info.resource_attributes},
      {"loop_unsupported", info.loop_unsupported},
      {"goroutines_unsupported", info.goroutines_unsupported},
  };
  // Command lines may be any bytes: what is no UTF-8 becomes U+FFFD.
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<process::ProcessInfo> ProcessFromJson(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || NumberAt(object, "tgid") == 0) return Error{"a process record is not readable"};
  process::ProcessInfo info;
  info.key.tgid = static_cast<uint32_t>(NumberAt(object, "tgid"));
  info.key.start_ns = NumberAt(object, "start_ns");
  info.ppid = static_cast<uint32_t>(NumberAt(object, "ppid"));
  info.comm = StringAt(object, "comm");
  info.exe = StringAt(object, "exe");
  info.args = StringsAt(object, "args");
  info.service_name = StringAt(object, "service_name");
  info.container_id = StringAt(object, "container_id");
  info.cgroup = StringAt(object, "cgroup");
  info.resource_attributes = StringsAt(object, "resource_attributes");
  info.loop_unsupported = object.value("loop_unsupported", json(false)) == true;
  info.goroutines_unsupported = object.value("goroutines_unsupported", json(false)) == true;
  return info;
}

Result<std::unique_ptr<Recorder>> Recorder::Create(const std::string& path, EventSink& next) {
  auto file = std::make_unique<std::ofstream>(path, std::ios::binary | std::ios::trunc);
  if (!*file) return SystemError("cannot record to " + path);
  return std::make_unique<Recorder>(std::move(file), path, next);
}

Recorder::Recorder(std::unique_ptr<std::ostream> out, std::string name, EventSink& next)
    : out_(std::move(out)), name_(std::move(name)), next_(next) {}

void Recorder::OnClock(const ClockPair& pair) {
  if (header_written_) {
    Write(RecordKind::kClock, &pair, sizeof(pair));
  } else {
    WriteHeader(pair);
  }
  next_.OnClock(pair);
}

void Recorder::OnProcess(const process::ProcessInfo& info) {
  const std::string text = ProcessToJson(info);
  if (text.size() <= kMaxRecordBytes) Write(RecordKind::kProcess, text.data(), text.size());
  next_.OnProcess(info);
}

void Recorder::OnEvent(const event_header& event) {
  Write(RecordKind::kEvent, &event, event.size);
  next_.OnEvent(event);
}

void Recorder::OnWatermark(uint64_t monotonic_ns) {
  Write(RecordKind::kWatermark, &monotonic_ns, sizeof(monotonic_ns));
  next_.OnWatermark(monotonic_ns);
}

Status Recorder::Finish(const KernelLedger& ledger) {
  Write(RecordKind::kLedger, &ledger, sizeof(ledger));
  out_->flush();
  CheckStream();
  return status_;
}

void Recorder::WriteHeader(const ClockPair& pair) {
  RecordingHeader header;
  header.monotonic_ns = pair.monotonic_ns;
  header.realtime_ns = pair.realtime_ns;
  utsname system{};
  uname(&system);
  std::string_view(system.machine).copy(header.architecture, sizeof(header.architecture) - 1);
  std::string_view(system.release).copy(header.kernel, sizeof(header.kernel) - 1);
  out_->write(reinterpret_cast<const char*>(&header), sizeof(header));
  header_written_ = true;
  CheckStream();
}

void Recorder::Write(RecordKind kind, const void* bytes, size_t size) {
  if (!status_) return;
  const RecordHeader header{static_cast<uint32_t>(size), kind};
  out_->write(reinterpret_cast<const char*>(&header), sizeof(header));
  out_->write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  CheckStream();
}

void Recorder::CheckStream() {
  if (status_ && !*out_) status_ = SystemError("recording to " + name_ + " stopped");
}

}  // namespace tracelet::source
