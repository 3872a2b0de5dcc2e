"""Until something is so."""

import pathlib
import signal
import time


def until(condition, what, seconds=30):
    """Waits for condition() to be true and returns its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not within {seconds} s")


def hang(process):
    """Other threads than the one that gets the signal run on until it does."""
    process.send_signal(signal.SIGSTOP)
    threads = pathlib.Path(f"/proc/{process.pid}/task")
    until(lambda: all(state(stat.read_text()) == "T" for stat in threads.glob("*/stat")), "it runs on")


def state(stat):
    """Of a thread: proc(5), behind its name, which may have blanks and brackets in it."""
    return stat.rpartition(")")[2].split()[0]
