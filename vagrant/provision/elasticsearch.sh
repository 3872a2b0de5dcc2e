#!/bin/bash
# Elasticsearch for Jaeger, one node, reachable from the cluster's network only.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
if ! dpkg-query -W elasticsearch >/dev/null 2>&1; then
  install -d -m 755 /etc/apt/keyrings
  curl -fsSL https://artifacts.elastic.co/GPG-KEY-elasticsearch | gpg --dearmor --yes -o /etc/apt/keyrings/elastic.gpg
  echo "deb [signed-by=/etc/apt/keyrings/elastic.gpg] https://artifacts.elastic.co/packages/7.x/apt stable main" \
    >/etc/apt/sources.list.d/elastic.list
  apt-get update -q
  apt-get install -y -q "elasticsearch=$ELASTICSEARCH"
fi
cat >/etc/elasticsearch/elasticsearch.yml <<END
cluster.name: tracelet
network.host: $ELASTIC
discovery.type: single-node
path.data: /var/lib/elasticsearch
path.logs: /var/log/elasticsearch
xpack.security.enabled: false
END
printf -- '-Xms1g\n-Xmx1g\n' >/etc/elasticsearch/jvm.options.d/heap.options
systemctl enable --quiet elasticsearch
systemctl restart elasticsearch
for _ in $(seq 60); do
  curl -fsS "http://$ELASTIC:9200/_cluster/health" >/dev/null 2>&1 && exit 0
  sleep 2
done
journalctl -u elasticsearch -n 50 --no-pager
exit 1
