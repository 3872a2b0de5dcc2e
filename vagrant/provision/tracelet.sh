#!/bin/bash
# On the last worker, when the cluster is whole: Jaeger 1.53 on Elasticsearch by its chart, without its agent, whose place
# tracelet takes, and tracelet's image on every node.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive KUBECONFIG=/root/.kube/config
install -d -m 700 /root/.kube
curl -fsS "http://$MASTER:8099/config" >"$KUBECONFIG"

if ! command -v helm >/dev/null; then
  curl -fsSL https://get.helm.sh/helm-v3.14.4-linux-amd64.tar.gz | tar -xz -C /usr/local/bin --strip-components=1 linux-amd64/helm
fi
command -v buildah >/dev/null || { apt-get update -q && apt-get install -y -q buildah; }

helm repo add jaegertracing https://jaegertracing.github.io/helm-charts
helm upgrade --install jaeger jaegertracing/jaeger --version 0.73.1 --namespace observability --create-namespace --wait \
  --set provisionDataStore.cassandra=false --set storage.type=elasticsearch \
  --set "storage.elasticsearch.host=$ELASTIC" --set storage.elasticsearch.port=9200 --set storage.elasticsearch.usePassword=false \
  --set agent.enabled=false --set collector.service.otlp.grpc.name=otlp-grpc --set collector.service.otlp.grpc.port=4317 \
  --set collector.service.otlp.http.name=otlp-http --set collector.service.otlp.http.port=4318 \
  --set collector.service.zipkin.port=9411

# The Dockerfile, by buildah; other nodes take the archive from this one while it is served.
folder=/srv/tracelet
install -d "$folder"
if [[ ! -e $folder/tracelet.tar ]]; then
  buildah bud --layers -f /tracelet/daemonset/image/Dockerfile -t localhost/tracelet:0.1.0 /tracelet
  buildah push localhost/tracelet:0.1.0 "docker-archive:$folder/tracelet.tar:localhost/tracelet:0.1.0"
fi
install -m 755 "$(dirname "$(readlink -f "$0")")/import.sh" "$folder/import.sh" 2>/dev/null || install -m 755 /tracelet/vagrant/provision/import.sh "$folder/import.sh"
"$folder/import.sh" "$folder/tracelet.tar"

helm upgrade --install tracelet /tracelet/daemonset/chart --namespace observability --wait --timeout 2m \
  --set image.repository=localhost/tracelet --set image.pullPolicy=Never
kubectl -n observability get pods -o wide
