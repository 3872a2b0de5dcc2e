#include "agent/source/bpf_costs.h"

#include <utility>

namespace tracelet::source {

void BpfCosts::OnTime(uint64_t monotonic_ns) {
  if (counting_) {
    if (monotonic_ns >= began_ns_ + kSampleNs) End(monotonic_ns);
    return;
  }
  if (period_s_ == 0 || monotonic_ns < next_ns_) return;
  next_ns_ = monotonic_ns + period_s_ * uint64_t{1'000'000'000};
  counting_ = BpfPrograms::CountRuns();
  before_ = programs_.Runs();
  began_ns_ = monotonic_ns;
}

void BpfCosts::End(uint64_t monotonic_ns) {
  const std::vector<ProgramRuns> after = programs_.Runs();
  counting_ = UniqueFd();
  sampled_.resize(after.size());
  before_.resize(after.size());  // what was loaded since had not run
  for (size_t i = 0; i < after.size(); ++i) {
    sampled_[i].name = after[i].name;
    sampled_[i].runs += after[i].runs - before_[i].runs;
    sampled_[i].ns += after[i].ns - before_[i].ns;
  }
  sampled_ns_ += monotonic_ns - began_ns_;
}

}  // namespace tracelet::source
