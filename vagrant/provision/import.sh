#!/bin/bash
# Brings a docker-archive to containerd on every node, by a DaemonSet that fetches it from this machine.
#   import.sh ARCHIVE
set -euo pipefail
archive=$(readlink -f "$1")
address=$(ip -4 -o addr show to 192.168.56.0/24 | awk '{sub("/.*", "", $4); print $4; exit}')
python3 -m http.server --directory "$(dirname "$archive")" --bind "$address" 8098 >/dev/null 2>&1 &
server=$!
trap 'kill "$server"' EXIT
name=import-$(basename "$archive" .tar)
kubectl apply -f - <<END
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: $name, namespace: kube-system}
spec:
  selector: {matchLabels: {app: $name}}
  template:
    metadata: {labels: {app: $name}}
    spec:
      hostPID: true
      hostNetwork: true
      tolerations: [{operator: Exists}]
      containers:
        - name: import
          image: busybox:1.36
          securityContext: {privileged: true}
          command:
            - nsenter
            - --target=1
            - --mount
            - --
            - sh
            - -c
            - curl -fsS http://$address:8098/$(basename "$archive") -o /tmp/$name.tar && ctr -n k8s.io images import /tmp/$name.tar && rm /tmp/$name.tar && sleep infinity
          readinessProbe: {exec: {command: [nsenter, --target=1, --mount, --, sh, -c, test ! -e /tmp/$name.tar]}, initialDelaySeconds: 3}
END
kubectl -n kube-system rollout status "daemonset/$name" --timeout=300s
kubectl -n kube-system delete "daemonset/$name"
