#!/bin/bash
# guest_trace.sh PATH…: runs on the kernel under test. Checks it, has the programs verified, then traces one request by
# curl to a Python server for each path, one that is encrypted (/tls), and some to a Go server that asks Python (/go1…).
# Leaves check.txt, verify.txt, spans.json, agent.err and kernel.log in its own folder and prints exit codes as "check N"
# and "agent N".
job=$(dirname "$(readlink -f "$0")")
port=${PORT:-8321}
www=$(mktemp -d)
for path in "$@"; do echo hello > "$www$path"; done

echo "release $(uname -r)"
"$job/tracelet" check > "$job/check.txt" 2>&1
echo "check $?"
"$job/verify" "$job/tracelet.linked.o" | tee "$job/verify.txt"

(cd "$www" && exec python3 -m http.server --bind 127.0.0.1 "$port") > /dev/null 2>&1 & server=$!
echo hello > "$www/tls"
(cd "$www" && exec python3 "$job/https_server.py" $((port + 1)) "$job") > /dev/null 2>&1 & encrypted=$!
"$job/http_server_go" $((port + 2)) "http://127.0.0.1:$port/from-go" & go=$!
"$job/tracelet" run --format json --port "$port" --port $((port + 1)) --port $((port + 2)) > "$job/spans.json" 2> "$job/agent.err" & agent=$!
for ((i = 0; i < 600; i++)); do
  grep -q ready "$job/agent.err" && curl -s -o /dev/null "http://127.0.0.1:$port/before" && break
  kill -0 $agent 2> /dev/null || { echo "the agent ended: $(cat "$job/agent.err")"; break; }
  sleep 0.1
done
for path in "$@"; do curl -s "http://127.0.0.1:$port$path" > /dev/null || echo "curl failed"; done
curl -sk "https://127.0.0.1:$((port + 1))/tls" > /dev/null || echo "curl failed"
for path in go1 go2 go3 go4 go5; do
  curl -s "http://127.0.0.1:$((port + 2))/$path" > /dev/null || echo "curl failed"
  sleep 0.3
done
sleep 3
kill -INT $agent 2> /dev/null
wait $agent
echo "agent $?"
kill $server $encrypted $go
wait 2> /dev/null
dmesg > "$job/kernel.log"
rm -r "$www"
