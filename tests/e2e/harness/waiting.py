"""Until something is so."""

import contextlib
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


def threads_are(process, state):
    """Whether all of its threads are in this state: proc(5), behind the name, which may have blanks and brackets in it."""
    for stat in pathlib.Path(f"/proc/{process.pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            if stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != state:
                return False
    return True


def hang(process):
    """Other threads than the one that gets the signal run on until it does."""
    process.send_signal(signal.SIGSTOP)
    until(lambda: threads_are(process, "T"), "it runs on")
