"""Parser and pipeline by google-benchmark: tests/bench/*_bench.cc."""

import json
import subprocess

import programs


def measure(root, preset="release"):
    (binary,) = programs.build(root, preset, "benchmarks")
    output = subprocess.run([str(binary), "--benchmark_format=json", "--benchmark_min_time=0.5"], capture_output=True,
                            text=True, check=True).stdout
    return json.loads(output)["benchmarks"]


def show(benchmarks):
    print("\nuser space, google-benchmark")
    for entry in benchmarks:
        rate = ""
        if "items_per_second" in entry:
            rate = f"{1e9 / entry['items_per_second']:10.0f} ns per request"
        elif "bytes_per_second" in entry:
            rate = f"{entry['bytes_per_second'] / 1e6:10.0f} MB/s"
        print(f"{entry['name']:28}{entry['cpu_time']:14.0f} {entry['time_unit']}{rate}")
    return []
