#include "agent/kubernetes/pod_selector.h"

#include <fnmatch.h>

#include <algorithm>
#include <string>

#include "agent/kubernetes/pod_table.h"

namespace tracelet::kubernetes {
namespace {

template <typename Matches>
bool AnyOf(const std::vector<std::string>& wanted, Matches&& matches) {
  return wanted.empty() || std::ranges::any_of(wanted, matches);
}

}  // namespace

bool PodSelector::Selects(const Pod* pod, std::string_view container_id) const {
  if (pod == nullptr) {
    return settings_.namespaces.empty() && settings_.pod_labels.empty() && settings_.owners.empty() &&
           settings_.images.empty();
  }
  const auto trace = pod->annotations.find(kTraceAnnotation);
  if (trace != pod->annotations.end() && trace->second == "false") return false;
  const auto here = [&](const std::string& name) { return name == pod->namespace_name; };
  if (!AnyOf(settings_.namespaces, here) || std::ranges::any_of(settings_.not_namespaces, here)) return false;
  const auto labelled = [&](const std::string& wanted) {
    const size_t equals = wanted.find('=');
    const auto label = pod->labels.find(wanted.substr(0, equals));
    return label != pod->labels.end() && (equals == std::string::npos || label->second == wanted.substr(equals + 1));
  };
  if (!AnyOf(settings_.pod_labels, labelled)) return false;
  const std::string full_owner = pod->owner_kind + "/" + pod->owner_name;
  const auto owned = [&](const std::string& wanted) { return wanted == pod->owner_name || wanted == full_owner; };
  if (!AnyOf(settings_.owners, owned)) return false;
  const Container* container = ContainerOf(*pod, container_id);
  return AnyOf(settings_.images, [&](const std::string& glob) {
    return container != nullptr && fnmatch(glob.c_str(), container->image.c_str(), 0) == 0;
  });
}

}  // namespace tracelet::kubernetes
