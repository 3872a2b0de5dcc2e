#!/bin/bash
# guest_cgroups.sh LAYOUT...: in the guest. For each way that control groups may be mounted (v2, v1, hybrid), servers in groups that are named as by
# containerd, CRI-O and Docker, and what the agent says of whose they are: LAYOUT.json in its own folder.
job=$(dirname "$(readlink -f "$0")")
uid=3bac9d8a_cedb_4f99_933b_1c122f20a530
id() { printf "$1%.0s" {1..64}; }
GROUPS_OF=(
  "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod$uid.slice/cri-containerd-$(id a).scope"
  "kubepods.slice/kubepods-pod$uid.slice/crio-$(id b).scope"
  "kubepods/besteffort/pod${uid//_/-}/$(id c)"
  "system.slice/docker-$(id d).scope"
)

mount_cgroups() { # v2, v1 or hybrid; the folders in which groups are made
  umount -R /sys/fs/cgroup 2>/dev/null
  roots=(/sys/fs/cgroup)
  if [[ $1 == v2 ]]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    return
  fi
  mount -t tmpfs tmpfs /sys/fs/cgroup
  mkdir /sys/fs/cgroup/{systemd,pids,unified}
  mount -t cgroup -o none,name=systemd systemd /sys/fs/cgroup/systemd
  mount -t cgroup -o pids pids /sys/fs/cgroup/pids
  roots=(/sys/fs/cgroup/systemd /sys/fs/cgroup/pids)
  [[ $1 == v1 ]] || mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
}

for layout in "$@"; do
  mount_cgroups "$layout" || echo "mount failed: $layout"
  servers=()
  for number in "${!GROUPS_OF[@]}"; do
    for root in "${roots[@]}"; do mkdir -p "$root/${GROUPS_OF[number]}"; done
    (
      for root in "${roots[@]}"; do echo $BASHPID >"$root/${GROUPS_OF[number]}/cgroup.procs"; done
      exec python3 -m http.server --bind 127.0.0.1 $((8400 + number)) >/dev/null 2>&1
    ) &
    servers+=($!)
  done
  cat >"$job/tracelet.toml" <<END
[kubernetes]
enabled = true
api = 'https://127.0.0.1:1'
[exporter.file]
path = '$job/$layout.json'
[ingest.sampling]
listen = ''
END
  "$job/tracelet" agent --config "$job/tracelet.toml" >"$job/$layout.err" 2>&1 & agent=$!
  for ((i = 0; i < 900; i++)); do
    [[ $(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:14271/readyz) == 200 ]] && break
    sleep 0.1
  done
  sed "s/^/$layout /" "/proc/${servers[0]}/cgroup"
  for number in "${!GROUPS_OF[@]}"; do
    for ((i = 0; i < 100; i++)); do curl -s -o /dev/null "http://127.0.0.1:$((8400 + number))/in-$layout" && break; sleep 0.1; done
  done
  sleep 3
  kill -TERM $agent
  wait $agent
  echo "agent $layout $?"
  kill "${servers[@]}"
  wait "${servers[@]}" 2>/dev/null
  for root in "${roots[@]}"; do find "$root" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null; done
done
