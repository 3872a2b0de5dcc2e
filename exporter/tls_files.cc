#include "exporter/tls_files.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <utility>

namespace tracelet::exporter {
namespace {

Result<std::string> ReadFile(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  if (!file) return SystemError("cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

TlsFiles::Stamp TlsFiles::Look(const std::string& path) {
  struct stat status {};
  if (path.empty() || stat(path.c_str(), &status) != 0) return {};
  return {status.st_ino, status.st_size, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

bool TlsFiles::Changed(std::chrono::steady_clock::time_point now) {
  if (!config_.enabled || (looked_ && now < looked_at_ + kLookEvery)) return false;
  looked_at_ = now;
  std::array<Stamp, 3> stamps = {Look(config_.ca_file), Look(config_.cert_file), Look(config_.key_file)};
  const bool changed = looked_ && stamps != stamps_;
  looked_ = true;
  stamps_ = stamps;
  return changed;
}

Result<TlsFiles::Contents> TlsFiles::Read() const {
  auto ca = ReadFile(config_.ca_file);
  if (!ca) return ca.error();
  auto cert = ReadFile(config_.cert_file);
  if (!cert) return cert.error();
  auto key = ReadFile(config_.key_file);
  if (!key) return key.error();
  return Contents{std::move(*ca), std::move(*cert), std::move(*key)};
}

}  // namespace tracelet::exporter
