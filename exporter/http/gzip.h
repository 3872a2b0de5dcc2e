// One gzip member (RFC 1952) of `bytes`.
#pragma once

#include <string>
#include <string_view>

namespace tracelet::exporter {

std::string Gzip(std::string_view bytes);

}  // namespace tracelet::exporter
