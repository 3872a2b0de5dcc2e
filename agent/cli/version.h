// The version that `--version`, recordings and exporters state.
#pragma once

namespace tracelet::cli {

inline constexpr const char* kVersion = TRACELET_VERSION;

}  // namespace tracelet::cli
