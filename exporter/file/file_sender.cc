#include "exporter/file/file_sender.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "agent/base/result.h"

namespace tracelet::exporter {
namespace {

constexpr mode_t kMode = 0640;

bool WriteAll(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = write(fd, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    done += static_cast<size_t>(written);
  }
  return true;
}

SendResult Failed(const std::string& what) { return {SendStatus::kRetry, 0, std::nullopt, SystemError(what).message}; }

}  // namespace

bool FileSender::Open() {
  file_.Reset(open(config_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode));
  struct stat status {};
  if (!file_ || fstat(file_.get(), &status) != 0) return false;
  size_ = static_cast<size_t>(status.st_size);
  return true;
}

void FileSender::Rotate() {
  file_.Reset();
  const auto name = [&](uint32_t number) {
    return number == 0 ? config_.path : config_.path + "." + std::to_string(number);
  };
  for (uint32_t number = config_.max_files - 1; number > 0; --number) {
    rename(name(number - 1).c_str(), name(number).c_str());  // one that is missing leaves a hole
  }
  if (config_.max_files == 1) unlink(config_.path.c_str());
}

SendResult FileSender::Send(const Payload& payload, Clock::time_point /*deadline*/) {
  if (!file_ && !Open()) return Failed(config_.path);
  if (size_ > 0 && size_ + payload.bytes->size() > config_.max_file_bytes) {
    Rotate();
    if (!Open()) return Failed(config_.path);
  }
  if (!WriteAll(file_.get(), *payload.bytes)) {
    SendResult failed = Failed(config_.path);
    if (ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) file_.Reset();
    return failed;
  }
  size_ += payload.bytes->size();
  return {};
}

}  // namespace tracelet::exporter
