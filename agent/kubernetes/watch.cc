#include "agent/kubernetes/watch.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "agent/kubernetes/objects.h"

namespace tracelet::kubernetes {
namespace {

using nlohmann::json;

constexpr int kOk = 200;
constexpr int kGone = 410;
constexpr std::chrono::seconds kShort{1};  // a stream that ends sooner is no way to hear anything

// Most of an object is of no interest here, and a list of them is large.
bool IsWanted(int /*depth*/, json::parse_event_t event, json& parsed) {
  static constexpr std::string_view kUnwanted[] = {"managedFields", "volumes",     "env",
                                                   "volumeMounts",  "tolerations", "conditions"};
  if (event != json::parse_event_t::key) return true;
  const auto& key = parsed.get_ref<const std::string&>();
  return std::ranges::find(kUnwanted, key) == std::end(kUnwanted);
}

json Parse(std::string_view text) { return json::parse(text, IsWanted, false); }

}  // namespace

Watch::Watch(const config::Kubernetes& config, std::string path, std::string query, WatchHandler handler)
    : config_(config),
      path_(std::move(path)),
      query_(std::move(query)),
      handler_(std::move(handler)),
      client_(config),
      away_since_(Clock::now().time_since_epoch().count()) {
  thread_ = std::thread([this] { Run(); });
}

void Watch::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  stop_.notify_all();
  client_.Cancel();
  thread_.join();
}

std::string Watch::Path(const std::string& more) const {
  return path_ + "?" + (query_.empty() ? "" : query_ + "&") + more;
}

void Watch::Heard() {
  if (failures_in_a_row_ > 0) spdlog::info("kubernetes: {} is heard again", path_);
  failures_in_a_row_ = 0;
  away_since_ = 0;
}

void Watch::Failed(const std::string& doing, const Answer& answer) {
  ++failures_;
  if (failures_in_a_row_++ > 0) return;
  const json body = Parse(answer.body);
  const std::string said = TextAt(body, {"message"});
  std::string why = answer.error.empty() ? "not understood" : answer.error;
  if (answer.status != 0 && answer.status != kOk) why = std::to_string(answer.status) + " " + said;
  spdlog::warn("kubernetes: {} {}: {}; trying again", doing, path_, why);
  Clock::rep none = 0;
  away_since_.compare_exchange_strong(none, Clock::now().time_since_epoch().count());
}

// Version 0: from the server's memory, as it was a moment ago; the stream tells the rest.
Watch::Outcome Watch::List() {
  const Answer answer = client_.Get(Path("resourceVersion=0"));
  const json list = answer.status == kOk && answer.error.empty() ? Parse(answer.body) : json();
  const std::string version = TextAt(list, {"metadata", "resourceVersion"});
  const auto items = list.find("items");
  if (version.empty() || items == list.end() || !items->is_array()) {
    Failed("cannot list", answer);
    return Outcome::kFailed;
  }
  handler_.begin_list();
  for (const json& object : *items) handler_.put(object);
  handler_.end_list();
  version_ = version;
  ++lists_;
  Heard();
  return Outcome::kGoOn;
}

Watch::Outcome Watch::OnLine(std::string_view line) {
  const json event = Parse(line);
  const std::string type = TextAt(event, {"type"});
  const auto object = event.find("object");
  if (type.empty() || object == event.end()) return Outcome::kFailed;
  if (type == "ERROR") {
    const auto code = object->find("code");
    return code != object->end() && *code == kGone ? Outcome::kGone : Outcome::kFailed;
  }
  ++events_;
  if (type == "ADDED" || type == "MODIFIED") handler_.put(*object);
  if (type == "DELETED") handler_.remove(*object);
  if (std::string version = TextAt(*object, {"metadata", "resourceVersion"}); !version.empty()) {
    version_ = std::move(version);
  }
  return Outcome::kGoOn;
}

Watch::Outcome Watch::Stream() {
  ++streams_;
  const auto begin = Clock::now();
  Outcome outcome = Outcome::kGoOn;
  const Answer answer = client_.Stream(
      Path("watch=1&allowWatchBookmarks=true&timeoutSeconds=" + std::to_string(kStream.count()) +
           "&resourceVersion=" + version_),
      kSilence, [this] { Heard(); },
      [&](std::string_view line) {
        outcome = OnLine(line);
        return outcome == Outcome::kGoOn;
      });
  if (outcome == Outcome::kGone || answer.status == kGone) return Outcome::kGone;
  if (answer.status == kOk && answer.error.empty()) {
    Heard();
    if (Clock::now() - begin < kShort) Pause();
    return outcome;
  }
  Failed("cannot watch", answer);
  return Outcome::kFailed;
}

void Watch::Pause() {
  // Half of it drawn, so that the agents of a cluster do not come back together.
  const uint64_t most = std::min<uint64_t>(config_.max_backoff_ms, 500ull << std::min(failures_in_a_row_, 16u));
  static thread_local std::minstd_rand random{std::random_device{}()};
  const std::chrono::milliseconds pause(most / 2 + std::uniform_int_distribution<uint64_t>(0, most / 2)(random));
  std::unique_lock lock(mutex_);
  stop_.wait_for(lock, pause, [this] { return stopping_; });
}

void Watch::Run() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    const Outcome outcome = version_.empty() ? List() : Stream();
    if (outcome == Outcome::kGone) version_.clear();
    if (outcome == Outcome::kFailed) Pause();
  }
}

WatchNumbers Watch::numbers() const { return {lists_, streams_, events_, failures_, away_since_ == 0}; }

Watch::Clock::duration Watch::AwayFor() const {
  const Clock::rep since = away_since_;
  if (since == 0) return Clock::duration::zero();
  return Clock::now() - Clock::time_point(Clock::duration(since));
}

}  // namespace tracelet::kubernetes
