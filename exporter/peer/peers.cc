#include "exporter/peer/peers.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "agent/admin/metrics_text.h"
#include "exporter/peer/peer_client.h"

namespace tracelet::exporter {

Result<std::unique_ptr<Peers>> Peers::Start(const config::Peer& config, const peer::Secrets& secrets,
                                            std::shared_ptr<const peer::Directory> more) {
  if (config.listen.empty() && config.agents.empty() && config.service.empty() && !more)
    return std::unique_ptr<Peers>();
  auto listed = peer::PrefixDirectory::Make(config.agents);
  if (!listed) return listed.error();
  auto peers = std::unique_ptr<Peers>(new Peers);
  auto directories = std::make_shared<peer::Directories>(config.listen);
  directories->Add(std::shared_ptr<const peer::Directory>(std::move(*listed)));
  if (more) directories->Add(std::move(more));
  if (!config.service.empty()) {
    peers->service_ = std::make_shared<peer::ServiceDirectory>(config.service, config.max_fanout);
    directories->Add(peers->service_);
  }
  peers->desk_ = std::make_unique<peer::Desk>(config, directories, std::make_unique<PeerClient>(config, secrets.token));
  if (!config.listen.empty()) {
    auto server = PeerServer::Start(
        config, secrets.token, [desk = peers->desk_.get()](auto asked) { return desk->OnAsked(std::move(asked)); });
    if (!server) return server.error();
    peers->server_ = std::move(*server);
  }
  if (peers->service_) {
    peers->refresher_ = std::thread(
        [self = peers.get(), every = std::chrono::seconds(config.refresh_s)] { self->RefreshForever(every); });
  }
  return peers;
}

void Peers::RefreshNow() {
  const Status refreshed = service_->Refresh();
  if (!refreshed && !std::exchange(complained_, true)) spdlog::warn("{}", refreshed.error().message);
  if (refreshed) complained_ = false;
}

void Peers::RefreshForever(std::chrono::seconds every) {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    RefreshNow();
    lock.lock();
    wake_.wait_for(lock, every, [this] { return stopping_; });
  }
}

void Peers::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (refresher_.joinable()) refresher_.join();
  if (desk_) desk_->Close();
  if (server_) server_->Stop();
}

void Peers::AppendMetrics(std::string& out) const {
  const peer::DeskNumbers numbers = desk_->numbers();
  admin::MetricsText text(out);
  const auto counter = [&text](std::string_view name, std::string_view help, uint64_t value) {
    text.Counter(name, help);
    text.Sample("", value);
  };
  counter("tracelet_peer_calls_total", "Batches of questions sent to other agents.", numbers.calls);
  counter("tracelet_peer_calls_failed_total", "Of these, without an answer.", numbers.failed_calls);
  counter("tracelet_peer_left_alone_total", "Questions not sent: the agent could not be reached a moment ago.",
          numbers.left_alone);
  counter("tracelet_peer_received_total", "Questions of other agents that were taken.", numbers.asked);
  counter("tracelet_peer_turned_away_total", "And that were not: too many waited.", numbers.turned_away);
  counter("tracelet_peer_denied_total", "Calls without this installation's token.", server_ ? server_->denied() : 0);
  text.Gauge("tracelet_peer_agents", "Agents that were asked.");
  text.Sample("", numbers.agents);
}

}  // namespace tracelet::exporter
