#!/bin/bash
# What every node of the cluster has: containerd, kubelet, kubeadm, and its address on the private network.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

swapoff -a
sed -i '/\sswap\s/s/^[^#]/#&/' /etc/fstab
printf 'overlay\nbr_netfilter\n' >/etc/modules-load.d/kubernetes.conf
modprobe overlay
modprobe br_netfilter
cat >/etc/sysctl.d/90-kubernetes.conf <<'END'
net.bridge.bridge-nf-call-iptables = 1
net.ipv4.ip_forward = 1
# Bursts of what Jaeger's clients send.
net.core.rmem_max = 8388608
END
sysctl -q --system

if [[ ! -e /etc/apt/keyrings/kubernetes.gpg ]]; then
  install -d -m 755 /etc/apt/keyrings
  curl -fsSL "https://pkgs.k8s.io/core:/stable:/v$KUBERNETES/deb/Release.key" | gpg --dearmor --yes -o /etc/apt/keyrings/kubernetes.gpg
  echo "deb [signed-by=/etc/apt/keyrings/kubernetes.gpg] https://pkgs.k8s.io/core:/stable:/v$KUBERNETES/deb/ /" \
    >/etc/apt/sources.list.d/kubernetes.list
fi
if ! command -v kubeadm >/dev/null; then
  apt-get update -q
  apt-get install -y -q containerd kubelet kubeadm kubectl
  apt-mark hold kubelet kubeadm kubectl
fi

install -d /etc/containerd
containerd config default | sed 's/SystemdCgroup = false/SystemdCgroup = true/' >/etc/containerd/config.toml.new
if ! cmp -s /etc/containerd/config.toml.new /etc/containerd/config.toml; then
  mv /etc/containerd/config.toml.new /etc/containerd/config.toml
  systemctl restart containerd
fi
rm -f /etc/containerd/config.toml.new
printf 'runtime-endpoint: unix:///run/containerd/containerd.sock\n' >/etc/crictl.yaml

# The first interface is the hypervisor's own network, the same address on every machine.
echo "KUBELET_EXTRA_ARGS=--node-ip=$NODE_IP" >/etc/default/kubelet
systemctl enable --quiet kubelet
systemctl restart kubelet
