"""CPU and memory from event to collector, for each output and three rates of a synthetic source."""

import json
import subprocess

import programs

OUTPUTS = ("none", "tree", "json", "jaeger", "otlp", "otlp_http", "file", "jaeger_hung")
RATES = (1_000, 10_000, 50_000)
SECONDS = 4
MAX_CPU = 6.0  # seconds per million spans, for what is exported
MAX_HUNG_MB = 64 + 64  # the queue, and what an agent that delivers takes, twice over


def measure(root, preset="release"):
    (binary,) = programs.build(root, preset, "export_bench")
    rows = []
    for output in OUTPUTS:
        for rate in RATES:
            command = [str(binary), output, str(rate), str(SECONDS)]
            output_lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
            rows.append(json.loads(output_lines[-1]))  # above it: what the exporter logs
    return rows


def show(rows):
    print("\nevents to collector, synthetic source, two spans per request (collector not counted)")
    print(f"{'output':<12}{'spans/s':>9}{'spans':>9}{'lost':>6}{'CPU s per million':>19}{'RSS MB':>8}")
    missed = []
    for row in rows:
        name = f"{row['output']} at {row['spans_per_second']:.0f} spans/s"
        print(f"{row['output']:<12}{row['spans_per_second']:>9.0f}{row['spans']:>9}{row['dropped']:>6}"
              f"{row['cpu_s_per_million']:>19.2f}{row['rss_mb']:>8.1f}")
        if row["output"] == "jaeger_hung":
            if row["rss_mb"] > MAX_HUNG_MB:
                missed.append(f"{name}: {row['rss_mb']:.0f} MB, wanted {MAX_HUNG_MB}")
            continue
        if row["dropped"]:
            missed.append(f"{name}: {row['dropped']} spans lost")
        # At 1,000 spans/s the clock's own turns, fifty a second, are most of what is measured.
        if row["spans_per_second"] >= 10_000 and row["cpu_s_per_million"] > MAX_CPU:
            missed.append(f"{name}: {row['cpu_s_per_million']:.1f} CPU seconds per million spans, wanted {MAX_CPU}")
    return missed
