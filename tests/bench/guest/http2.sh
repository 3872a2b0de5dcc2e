#!/bin/bash
# Runs inside the counting VM, where a nanosecond is an instruction. Prints "SCENARIO SERVER KEY VALUE" lines for
# tests/bench/http2.py. /job holds tracelet, h2load, nghttpd and http2.conf.
requests=${REQUESTS:-1000} rounds=${ROUNDS:-3}
groups=/sys/fs/cgroup
mkdir -p $groups/app $groups/agent /tmp/www
printf 'hello world\n' > /tmp/www/index.html
usage_ns() { awk '/^usage_usec/{print $2 * 1000}' "$groups/$1/cpu.stat"; }

# programs: nanoseconds and runs of all of the agent's programs so far, each counted once.
programs() {
  local pid=$1
  cat /proc/"$pid"/fdinfo/* 2> /dev/null | awk '/^prog_id/{id=$2} /^run_time_ns/{ns[id]=$2} /^run_cnt/{runs[id]=$2}
    END{for (id in ns) {n += ns[id]; r += runs[id]}; printf "%.0f %.0f\n", n, r}'
}

load() { # PORT FLAGS...
  local port=$1
  shift
  /job/in_group app /job/h2load -n "$requests" -c 1 "$@" "http://127.0.0.1:$port/index.html" > /tmp/h2load.out 2>&1
  grep -q "$requests succeeded" /tmp/h2load.out || cat /tmp/h2load.out
}

measure() { # SCENARIO
  local scenario=$1 name port flags round before agent_before ns runs ns_before runs_before
  while read -r name port flags; do
    # shellcheck disable=SC2086  # several words
    load "$port" $flags # warms up
    for ((round = 0; round < rounds; round++)); do
      sleep 3
      before=$(usage_ns app)
      agent_before=$(usage_ns agent)
      # shellcheck disable=SC2086
      load "$port" $flags
      echo "$scenario $name app_ns $(($(usage_ns app) - before))"
      sleep 3 # spans are held; to print them is part of the cost
      echo "$scenario $name agent_ns $(($(usage_ns agent) - agent_before))"
    done
    [ "$scenario" = base ] && continue
    agent_before=$(usage_ns agent)
    sleep 3
    echo "$scenario $name agent_none_ns $(($(usage_ns agent) - agent_before))"
    echo 1 > /proc/sys/kernel/bpf_stats_enabled
    read -r ns_before runs_before <<< "$(programs "$agent")"
    # shellcheck disable=SC2086
    load "$port" $flags
    read -r ns runs <<< "$(programs "$agent")"
    echo 0 > /proc/sys/kernel/bpf_stats_enabled
    echo "$scenario $name bpf_ns $((ns - ns_before))"
    echo "$scenario $name bpf_runs $((runs - runs_before))"
  done << END
nginx,HTTP/1.1 8201 --h1 -m1
nginx,HTTP/2 8202 -m1
nginx,HTTP/2,10_at_once 8202 -m10
nghttpd,HTTP/2 8203 -m1
nghttpd,HTTP/2,10_at_once 8203 -m10
END
}

/job/in_group app nginx -c /job/http2.conf & nginx=$!
/job/in_group app /job/nghttpd --no-tls -a 127.0.0.1 -d /tmp/www 8203 & nghttpd=$!
sleep 2
measure base
/job/in_group agent /job/tracelet run --format json > /tmp/spans.json 2> /tmp/agent.err & wrapper=$!
for ((i = 0; i < 400; i++)); do grep -q ready /tmp/agent.err && break; sleep 0.05; done
agent=$(cat $groups/agent/cgroup.procs | head -1)
measure agent
kill -INT "$agent"
wait $wrapper
sed 's/^/# /' /tmp/agent.err
kill $nginx $nghttpd
wait 2> /dev/null
