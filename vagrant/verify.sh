#!/bin/bash
# The checks of tests/cluster/run on the machines of the Vagrantfile, from the machine that started them:
#   vagrant/verify.sh [CHECK...]
# Takes kubectl, helm, buildah, mmdebstrap and python3 there, and a release build of the tree.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cd "$here"
config=$(mktemp)
trap 'rm -f "$config"' EXIT
vagrant ssh master-node -c 'sudo cat /etc/kubernetes/admin.conf' 2>/dev/null >"$config"
export KUBECONFIG=$config KUBECTL=kubectl IMPORT=$here/provision/import.sh ELASTIC=${ELASTIC:-http://192.168.56.20:9200}

kubectl get nodes -o wide
ready=$(kubectl get nodes --no-headers | grep -cw Ready)
[[ $ready == 4 ]] || { echo "verify.sh: $ready of 4 nodes are ready" >&2; exit 1; }
curl -fsS "$ELASTIC/_cluster/health" >/dev/null || { echo "verify.sh: Elasticsearch does not answer" >&2; exit 1; }
../tests/cluster/run "${@:-install}"
# The others take agents' processes and the API server on the machine they run on.
if (($# == 0)); then ../tests/cluster/run names one_trace first_request churn jaeger_clients flask rolling; fi
