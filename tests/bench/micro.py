"""Parser and pipeline by google-benchmark: tests/bench/*_bench.cc."""

import json
import subprocess


def measure(root, preset="release"):
    build = root / "build" / preset
    subprocess.run(["cmake", "--preset", preset, "-DTRACELET_BENCH=ON", "--log-level=WARNING"], cwd=root, check=True)
    subprocess.run(["cmake", "--build", str(build), "--target", "benchmarks"], cwd=root, check=True,
                   stdout=subprocess.DEVNULL)
    binary = next(path for path in build.rglob("benchmarks") if path.is_file())
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
