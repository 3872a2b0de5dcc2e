#include "agent/process/container_id.h"

#include <gtest/gtest.h>

namespace tracelet::process {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kOuter = "ffffffffffffffff0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(ContainerId, KnowsTheRuntimes) {
  for (const std::string& path : {
           "/docker/" + kId,
           "/system.slice/docker-" + kId + ".scope",
           "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f2e.slice/cri-containerd-" + kId + ".scope",
           "/kubepods/besteffort/pod8d8b1a2c-0d1e-11ee-be56-0242ac120002/" + kId,
           "/kubepods.slice/kubepods-pod1f2e.slice/crio-" + kId + ".scope",
           "/machine.slice/libpod-" + kId + ".scope/container",
           "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope",
           "/system.slice/containerd.service/kubepods-burstable-pod1f2e.slice:cri-containerd:" + kId,
           "/docker/" + kOuter + "/docker/" + kId,
           "/../../cri-containerd-" + kId + ".scope",
           "/docker/" + kId + "/system.slice/nginx.service",
       }) {
    EXPECT_EQ(ContainerId(path), kId) << path;
  }
}

TEST(ContainerId, IsEmptyOutsideContainers) {
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("/system.slice/nginx.service"), "/docker/" + kId.substr(1),
        "/docker/" + kId + "0", "/machine.slice/libpod-conmon-" + kId + ".scope", "/crio-conmon-" + kId + ".scope",
        std::string("/kubepods/besteffort/pod8d8b1a2c-0d1e-11ee-be56-0242ac120002")}) {
    EXPECT_EQ(ContainerId(path), "") << path;
  }
}

TEST(ParseCgroups, ReadsBothVersionsAndTheirMixture) {
  const Cgroups v2 = ParseCgroups("0::/system.slice/docker-" + kId + ".scope\n");
  EXPECT_EQ(v2.path, "/system.slice/docker-" + kId + ".scope");
  EXPECT_EQ(v2.container_id, kId);

  const Cgroups v1 = ParseCgroups("12:cpu,cpuacct:/docker/" + kId + "\n1:name=systemd:/docker/" + kId + "\n2:rdma:/\n");
  EXPECT_EQ(v1.path, "/docker/" + kId);
  EXPECT_EQ(v1.container_id, kId);

  const Cgroups hybrid = ParseCgroups("4:memory:/docker/" + kId + "\n1:name=systemd:/\n0::/");
  EXPECT_EQ(hybrid.path, "/docker/" + kId);
  EXPECT_EQ(hybrid.container_id, kId);

  const Cgroups mixed = ParseCgroups("4:memory:/docker/" + kId + "\n0::/init.scope\n");
  EXPECT_EQ(mixed.path, "/init.scope");
  EXPECT_EQ(mixed.container_id, kId);
}

TEST(ParseCgroups, TakesWhateverComes) {
  EXPECT_EQ(ParseCgroups("").path, "");
  EXPECT_EQ(ParseCgroups("0::/\n").path, "/");
  EXPECT_EQ(ParseCgroups("rubbish\n\n:\n::\n").path, "");
  EXPECT_EQ(ParseCgroups("0::/a (deleted)\n").path, "/a");
}

TEST(SystemdUnit, NamesTheInnermostService) {
  EXPECT_EQ(SystemdUnit("/system.slice/nginx.service"), "nginx");
  EXPECT_EQ(SystemdUnit("/system.slice/system-shop.slice/shop@eu.service"), "shop");
  EXPECT_EQ(SystemdUnit("/system.slice/shop.service/workers/1"), "shop");
  EXPECT_EQ(SystemdUnit("/system.slice/order\\x2dapi.service"), "order-api");
  EXPECT_EQ(SystemdUnit("/docker/" + kId + "/system.slice/nginx.service"), "nginx");
  EXPECT_EQ(SystemdUnit("/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service"), "shop");
}

TEST(SystemdUnit, IsEmptyWhereTheServiceIsNotTheProgram) {
  for (const std::string& path :
       {std::string("/"), std::string("/user.slice/user-1000.slice/session-3.scope"),
        std::string("/user.slice/user-1000.slice/user@1000.service/init.scope"),
        std::string("/user.slice/user-1000.slice/user@1000.service"), "/system.slice/k3s.service/kubepods/pod1/" + kId,
        "/system.slice/docker-" + kId + ".scope"}) {
    EXPECT_EQ(SystemdUnit(path), "") << path;
  }
}

TEST(PodUid, OfEveryKubeletsNames) {
  const std::string uid = "3bac9d8a-cedb-4f99-933b-1c122f20a530";
  const std::string id(64, 'a');
  EXPECT_EQ(PodUid("/kubepods/besteffort/pod" + uid + "/" + id), uid);
  EXPECT_EQ(PodUid("/kitk8s-0/kubepods/pod" + uid + "/" + id), uid) << "guaranteed pods have no class";
  EXPECT_EQ(PodUid("/kubepods.slice/kubepods-burstable.slice/"
                   "kubepods-burstable-pod3bac9d8a_cedb_4f99_933b_1c122f20a530.slice/cri-containerd-" +
                   id + ".scope"),
            uid);
  EXPECT_EQ(PodUid("/kubepods.slice/kubepods-pod3bac9d8a_cedb_4f99_933b_1c122f20a530.slice/docker-" + id + ".scope"),
            uid);
  EXPECT_EQ(PodUid("/../../besteffort/kubepods/pod" + uid + "/" + id), uid);
  EXPECT_EQ(PodUid("/kubepods/burstable/pod0123456789abcdef0123456789abcdef/" + id), "0123456789abcdef0123456789abcdef")
      << "a static pod";
  for (const char* none : {"/", "", "/kubepods", "/kubepods/burstable", "/kubepods/podcast/x", "/user.slice/pod1",
                           "/system.slice/podman-pod3bac9d8a.scope"}) {
    EXPECT_EQ(PodUid(none), "") << none;
  }
}

TEST(KubeletRoot, IsWhatComesBeforeThePods) {
  EXPECT_EQ(KubeletRoot("/kitk8s-1/kubepods/burstable/podx/y"), "/kitk8s-1");
  EXPECT_EQ(KubeletRoot("/kubelet.slice/kubelet-kubepods.slice/x"), "/kubelet.slice");
  EXPECT_EQ(KubeletRoot("/kubepods/burstable/podx/y"), "");
  EXPECT_EQ(KubeletRoot("/system.slice/tracelet.service"), "");
}

}  // namespace
}  // namespace tracelet::process
