# SPDX-License-Identifier: BSD-3-Clause
"""Native threads that come and go beside greenlets, and calls that block in C."""

import json
import subprocess
import sys

import pytest

PATCH = {
    "threads": "",
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()\n",
    "eventlet": "import warnings; warnings.simplefilter('ignore')\n"
    "import eventlet; eventlet.monkey_patch()\n",
}
# Threads are counted by the kernel; gevent and eventlet would hide some.
PROGRAM = """
import ctypes, json, os, select, struct, threading, time
from igwn_alert_celery.native import run_natively, start_native_thread

def threads():
    return len(os.listdir("/proc/self/task"))

def start_and_wait():
    done = []
    start_native_thread(lambda: done.append(threading.current_thread().name), "job")
    while not done:
        time.sleep(0.001)
    return done[0]

def settle():
    counts = []
    while len(counts) < 10 or len(set(counts[-10:])) > 1:
        counts.append(threads())
        time.sleep(0.01)
    return counts[-1]

start_and_wait()
before = settle()
names = {start_and_wait() for _ in range(20) if settle()}
libc, begun = ctypes.CDLL(None), []
ours, theirs = os.pipe()
goes_on = struct.pack("ihh", ours, select.POLLIN, 0)

def tick():
    while not begun:
        time.sleep(0.005)
    for _ in range(10):
        time.sleep(0.005)
    libc.write(theirs, b"x", 1)

def block():
    # In C, until it has ticked; it never would if it had to wait for this.
    begun.append(True)
    return libc.poll(ctypes.create_string_buffer(goes_on), 1, 30_000)

threading.Thread(target=tick, daemon=True).start()
answer = run_natively(block)
print(json.dumps([sorted(names), settle() - before, answer]))
"""


@pytest.mark.parametrize("pool", PATCH)
def test_threads_are_used_again_and_no_greenlet_waits(pool):
    done = subprocess.run(
        [sys.executable, "-c", PATCH[pool] + PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    names, more, answer = json.loads(done.stdout)
    assert names == ["job"]
    # The ticking one, and what gevent and eventlet start for calls that block; not one a job.
    assert more <= 12 if pool == "gevent" else more <= 22
    assert answer == 1, "nothing else went on meanwhile"
