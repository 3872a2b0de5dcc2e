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

// As /proc/PID/cgroup had it, without the lines that say the same.
TEST(ParseCgroups, ReadsWhatRuntimesWrote) {
  struct Recorded {
    const char* of;
    std::string text;
    std::string pod_uid;
    std::string container_id;
  };
  const Recorded recorded[] = {
      {"containerd 1.6, cgroupfs, both versions, a kubelet with a root of its own",
       "9:name=systemd:/kitk8s-2/kubepods/besteffort/pod9ac85f9d-9dc3-4904-b7cb-623e896fe946/"
       "de286e90aab285bac1d60abadb818b625339ddb6840c925e3584eee90460bcbf\n"
       "1:cpu:/kitk8s-2/kubepods/besteffort/pod9ac85f9d-9dc3-4904-b7cb-623e896fe946/"
       "de286e90aab285bac1d60abadb818b625339ddb6840c925e3584eee90460bcbf\n"
       "0::/kitk8s-2/kubepods/besteffort/pod9ac85f9d-9dc3-4904-b7cb-623e896fe946/"
       "de286e90aab285bac1d60abadb818b625339ddb6840c925e3584eee90460bcbf\n",
       "9ac85f9d-9dc3-4904-b7cb-623e896fe946", "de286e90aab285bac1d60abadb818b625339ddb6840c925e3584eee90460bcbf"},
      {"containerd, systemd, version 2",
       "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podf4bb00c6_a390_4762_860a_643decfd755c.slice/"
       "cri-containerd-d2055ddb438f205ccf867146abbf35cc8e3814ebb50eb759e7bff5d5940fb378.scope\n",
       "f4bb00c6-a390-4762-860a-643decfd755c", "d2055ddb438f205ccf867146abbf35cc8e3814ebb50eb759e7bff5d5940fb378"},
      {"CRI-O 1.19, systemd, version 1",
       "12:devices:/kubepods.slice/kubepods-besteffort.slice/"
       "kubepods-besteffort-pod8ca306fa_3c03_47fa_97dd_19979c345572.slice/"
       "crio-d6d725b909f37c3e232aadfbafa950a58bfe7baa579ba8c47a12be88bb921607.scope\n"
       "1:name=systemd:/kubepods.slice/kubepods-besteffort.slice/"
       "kubepods-besteffort-pod8ca306fa_3c03_47fa_97dd_19979c345572.slice/"
       "crio-d6d725b909f37c3e232aadfbafa950a58bfe7baa579ba8c47a12be88bb921607.scope\n",
       "8ca306fa-3c03-47fa-97dd-19979c345572", "d6d725b909f37c3e232aadfbafa950a58bfe7baa579ba8c47a12be88bb921607"},
      {"CRI-O, a static pod",
       "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pode4e6004e827fdf45941cf777618f60ce.slice/"
       "crio-192f5a90b165665d969bb0137b8573f2214c8f75b728ecc58dbbc7fccd64af28.scope\n",
       "e4e6004e827fdf45941cf777618f60ce", "192f5a90b165665d969bb0137b8573f2214c8f75b728ecc58dbbc7fccd64af28"},
      {"Docker, both versions, of which only the first is used",
       "10:memory:/docker/6c8595fc16c3b824397356dbff734dcd09090a39e99188df0f26289cf7c11f15\n"
       "5:rdma:/\n"
       "1:name=systemd:/docker/6c8595fc16c3b824397356dbff734dcd09090a39e99188df0f26289cf7c11f15\n"
       "0::/system.slice/containerd.service\n",
       "", "6c8595fc16c3b824397356dbff734dcd09090a39e99188df0f26289cf7c11f15"},
  };
  for (const Recorded& one : recorded) {
    const Cgroups read = ParseCgroups(one.text);
    EXPECT_EQ(read.pod_uid, one.pod_uid) << one.of;
    EXPECT_EQ(read.container_id, one.container_id) << one.of;
  }
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
