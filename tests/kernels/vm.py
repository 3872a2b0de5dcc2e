"""Other kernels in a virtual machine: ../shared/vm beside the repository, see its README."""

import os
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPTS = pathlib.Path(os.environ.get("TRACELET_VM", ROOT.parent / "shared" / "vm"))
IMAGES = pathlib.Path(os.environ.get("VM", pathlib.Path.home() / ".cache" / "tracelet-vm"))
IN_GUEST = re.compile(r"lib(c|m|gcc_s|pthread|dl|rt)\.so|ld-linux")  # must match the guest's loader


def missing(kernels):
    """What a user has to do before `kernels` can be booted, or None."""
    if not (SCRIPTS / "run.sh").exists():
        return f"no virtual machines: {SCRIPTS} is missing. Put the shared folder beside the repository or set TRACELET_VM."
    absent = [k for k in kernels if not (IMAGES / f"vmlinuz-{k}").exists()]
    if absent or not (IMAGES / "rootfs.img").exists():
        return f"no image of kernel {' '.join(absent)}: run {SCRIPTS}/setup.sh {' '.join(kernels)}"
    return None


def libraries(binary):
    """Paths of the shared libraries that `binary` needs and a guest may not have."""
    output = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"=> (/\S+)", output)
    return [path for path in found if not IN_GUEST.search(os.path.basename(path))]


def make_job(folder, files, binary=None):
    """A clean folder that the guest sees as /job: `files`, and `tracelet` with its libraries."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in files:
        shutil.copy(path, folder)
    if binary:
        shutil.copy(binary, folder / "tracelet.bin")
        (folder / "lib").mkdir()
        for path in libraries(binary):
            shutil.copy(path, folder / "lib")
        wrapper = folder / "tracelet"
        wrapper.write_text('#!/bin/sh\nhere=$(dirname "$0")\nLD_LIBRARY_PATH=$here/lib exec "$here/tracelet.bin" "$@"\n')
        wrapper.chmod(0o755)
    return folder


def run(kernel, job, command, counting=False, guest_seconds=300, host_seconds=900):
    """Boots, runs, powers off. Returns (succeeded, output)."""
    flags = ["-i"] if counting else []
    result = subprocess.run(
        [str(SCRIPTS / "run.sh"), *flags, "-k", kernel, "-t", str(guest_seconds), "-j", str(job), "--", command],
        env={**os.environ, "HOST_SECONDS": str(host_seconds), "VM": str(IMAGES)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return result.returncode == 0, result.stdout + result.stderr
