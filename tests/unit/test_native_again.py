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
import ctypes, json, os, threading, time
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
libc, ticks = ctypes.CDLL(None), []

def tick():
    while len(ticks) < 1000 and not ticks[-1:] == ["end"]:
        ticks.append(time.monotonic())
        time.sleep(0.005)

threading.Thread(target=tick, daemon=True).start()
while not ticks:
    time.sleep(0.001)
seen = len(ticks)
answer = run_natively(lambda: libc.usleep(300_000) or 5)
print(json.dumps([sorted(names), settle() - before, answer, len(ticks) - seen]))
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
    names, more, answer, ticks = json.loads(done.stdout)
    assert names == ["job"]
    # The ticking one, and what gevent and eventlet start for calls that block; not one a job.
    assert more <= 12 if pool == "gevent" else more <= 22
    assert answer == 5
    assert ticks >= 10
