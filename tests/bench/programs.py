"""Builds what only the benchmarks need."""

import subprocess


def build(root, preset, *names):
    """The paths of these targets, in their order."""
    folder = root / "build" / preset
    subprocess.run(["cmake", "--preset", preset, "-DTRACELET_BENCH=ON", "--log-level=WARNING"], cwd=root, check=True)
    subprocess.run(["cmake", "--build", str(folder), "--target", *names], cwd=root, check=True,
                   stdout=subprocess.DEVNULL)
    return [folder / "tests/bench" / name for name in names]
