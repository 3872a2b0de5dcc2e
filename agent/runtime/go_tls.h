// Go's crypto/tls in an executable, stripped or not: which instructions must be probed so that its
// plaintext is seen (bpf/tls_go.h). Any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/tls_library.h"

namespace tracelet::runtime {

// Empty for what is no Go program or has no crypto/tls. An error says why there may be one that cannot be probed.
Result<std::vector<TlsProbe>> FindGoTlsProbes(const std::string& file);

}  // namespace tracelet::runtime
