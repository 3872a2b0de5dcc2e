#!/bin/bash
# Runs inside the counting VM, where a nanosecond is an instruction. Prints "SCENARIO SERVER KEY VALUE…" lines for
# tests/bench/counting.py. /job holds tracelet, http_server in C, Go, Python, JavaScript and Java, http_client, load_bpf,
# floor.bpf.o, nginx.conf, python, the packages for it, node, java, and servers: lines of NAME PORT [NEXT]. $SCENARIOS: which.
# No `set -e`: a scenario that fails must not hide the others; the caller misses its numbers and says so.
requests=${REQUESTS:-200} rounds=${ROUNDS:-3} scenarios=${SCENARIOS:-base floor agent unselected}
groups=/sys/fs/cgroup
mkdir -p $groups/app $groups/agent
usage_ns() { awk '/^usage_usec/{print $2 * 1000}' "$groups/$1/cpu.stat"; }
client() { /job/in_group app /job/http_client "$1" "$2" $groups/app/cpu.stat; }

# agent_ns PORT REQUESTS: what the agent spends on them and on all that comes with a run of the client. Spans are held
# for a while before they are printed: that is part of the cost, so wait for it.
agent_ns() {
  local before
  before=$(usage_ns agent)
  client "$1" "$2" > /tmp/client.out
  sleep 3
  echo $(($(usage_ns agent) - before))
}

# measure SCENARIO: every server, without and with bpf_stats, which itself costs instructions.
measure() {
  local scenario=$1 name port round warm_up
  while read -r name port next; do
    # Only while they are asked: where a Go program runs, everything costs a little more, and so does the start.
    warm_up=0
    case $name in
      go*) run=(/job/http_server_go) ;;
      python*) run=(env PYTHONPATH=/job/python python3 /job/http_server.py) ;;
      # Node's loop is known by the executable's name: this one is not followed.
      node-unlinked*) run=(env LD_LIBRARY_PATH=/job/lib /job/node/other /job/http_server.js) warm_up=2000 ;;
      node*) run=(env LD_LIBRARY_PATH=/job/lib /job/node/node /job/http_server.js) warm_up=2000 ;;
      java*) run=(env LD_LIBRARY_PATH=/job/lib /job/java/bin/java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dsun.net.httpserver.nodelay=true -cp /job HttpServerBench) warm_up=2000 ;;
      *) run=() ;;
    esac
    if ((${#run[@]})); then
      /job/in_group app "${run[@]}" "$port" ${next:+"$next"} & started=$!
      until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do sleep 0.1; done
      sleep 2  # in which its probes are set
      if ((warm_up)); then  # what is compiled while it runs
        client "$port" $warm_up > /tmp/client.out
        sleep 2
      fi
    fi
    [ "$scenario" = base ] || echo "$scenario $name agent_none_ns $(agent_ns "$port" 0)"
    for ((round = 0; round < rounds; round++)); do
      [ "$scenario" = base ] && client "$port" "$requests" > /tmp/client.out ||
        echo "$scenario $name agent_ns $(agent_ns "$port" "$requests")"
      grep _ns /tmp/client.out | sed "s/^/$scenario $name /"
    done
    if [ "$scenario" != base ]; then
      echo 1 > /proc/sys/kernel/bpf_stats_enabled
      client "$port" "$requests" | grep prog | sed "s/^/$scenario $name /"
      echo 0 > /proc/sys/kernel/bpf_stats_enabled
      sleep 2
    fi
    if ((${#run[@]})); then kill "$started"; fi
  done < /job/servers
}

# start_agent ARGS…: until it says that it is ready.
start_agent() {
  local i
  rm -f /tmp/agent.err  # of the one before, which was ready
  /job/in_group agent /job/tracelet run --format json "$@" > /tmp/spans.json 2> /tmp/agent.err & agent=$!
  for ((i = 0; i < 400; i++)); do grep -q ready /tmp/agent.err && return; sleep 0.05; done
  echo "agent not ready:"
  cat /tmp/agent.err
  return 1
}

# start SCENARIO: to its first span.
start() {
  local before
  before=$(usage_ns agent)
  start_agent || return
  echo "$1 - ready_ns $(($(usage_ns agent) - before))"
  client 8101 1 > /dev/null
  for ((i = 0; i < 100; i++)); do [ -s /tmp/spans.json ] && break; sleep 0.05; done
  echo "$1 - first_span_ns $(($(usage_ns agent) - before))"
  echo "$1 - rss_kb $(awk '/^VmRSS/{print $2}' /proc/$agent/status)"
}

# stop_agent SCENARIO
stop_agent() {
  kill -INT $agent
  wait $agent
  echo "$1 - spans $(wc -l < /tmp/spans.json)"
  sed "s/^/# $1: /" /tmp/agent.err
}

mkdir -p /tmp/www && printf 'hello world\n' > /tmp/www/index.html
/job/in_group app /job/http_server 8101 & server=$!
sleep 1
if start start; then stop_agent start; fi

# It brings OpenSSL along: the agent that starts now probes that, too.
/job/in_group app nginx -c /job/nginx.conf & nginx=$!
/job/in_group app sleep 100000 & other=$!
sleep 1

measure base

if [[ $scenarios == *floor* ]]; then
  /job/load_bpf /job/floor.bpf.o 2> /tmp/floor.err & floor=$!
  sleep 1
  measure floor
  kill $floor
  wait $floor
fi
if start start-tls; then
  measure agent
  stop_agent agent
fi
if [[ $scenarios == *unselected* ]] && start_agent --pid $other; then
  measure unselected
  stop_agent unselected
fi
kill $server $nginx $other
wait 2> /dev/null
