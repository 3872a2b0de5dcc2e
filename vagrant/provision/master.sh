#!/bin/bash
# The control plane, a network for pods, and a command with which the workers join.
set -euo pipefail
export KUBECONFIG=/etc/kubernetes/admin.conf

if [[ ! -e $KUBECONFIG ]]; then
  kubeadm init --apiserver-advertise-address "$MASTER" --pod-network-cidr "$POD_CIDR" --node-name "$(hostname)"
fi
install -d -o vagrant -g vagrant /home/vagrant/.kube
install -o vagrant -g vagrant -m 600 "$KUBECONFIG" /home/vagrant/.kube/config

# Flannel finds the other nodes on the private network.
curl -fsSL https://github.com/flannel-io/flannel/releases/download/v0.25.7/kube-flannel.yml |
  sed "s|10.244.0.0/16|$POD_CIDR|; s|        - --kube-subnet-mgr|&\n        - --iface-can-reach=$MASTER|" |
  kubectl apply -f -

# The workers have no key for this machine: they fetch the command from a port that only their network reaches.
token=$(kubeadm token list -o jsonpath='{.token}' 2>/dev/null | head -c 23)
[[ -n $token ]] || token=$(kubeadm token create)
hash=$(openssl x509 -pubkey -in /etc/kubernetes/pki/ca.crt | openssl pkey -pubin -outform der | sha256sum | cut -d' ' -f1)
install -d /srv/join
echo "kubeadm join $MASTER:6443 --token $token --discovery-token-ca-cert-hash sha256:$hash" >/srv/join/command
install -m 644 "$KUBECONFIG" /srv/join/config
cat >/etc/systemd/system/join.service <<END
[Unit]
Description=How workers join this test cluster
[Service]
ExecStart=/usr/bin/python3 -m http.server --directory /srv/join --bind $MASTER 8099
Restart=always
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --quiet --now join
