#!/bin/bash
# guest_trace.sh PATH…: runs on the kernel under test. Checks it, has the programs verified, then traces one request by
# curl to a Python server for each path. Leaves check.txt, verify.txt, spans.json and agent.err in its own folder and
# prints exit codes as "check N" and "agent N".
job=$(dirname "$(readlink -f "$0")")
port=${PORT:-8321}
www=$(mktemp -d)
for path in "$@"; do echo hello > "$www$path"; done

echo "release $(uname -r)"
"$job/tracelet" check > "$job/check.txt" 2>&1
echo "check $?"
"$job/verify" "$job/tracelet.linked.o" | tee "$job/verify.txt"

(cd "$www" && exec python3 -m http.server --bind 127.0.0.1 "$port") > /dev/null 2>&1 & server=$!
"$job/tracelet" run --format json --port "$port" > "$job/spans.json" 2> "$job/agent.err" & agent=$!
for ((i = 0; i < 600; i++)); do
  grep -q ready "$job/agent.err" && curl -s -o /dev/null "http://127.0.0.1:$port/before" && break
  kill -0 $agent 2> /dev/null || { echo "the agent ended: $(cat "$job/agent.err")"; break; }
  sleep 0.1
done
for path in "$@"; do curl -s "http://127.0.0.1:$port$path" > /dev/null || echo "curl failed"; done
sleep 3
kill -INT $agent 2> /dev/null
wait $agent
echo "agent $?"
kill $server
wait 2> /dev/null
rm -r "$www"
