# SPDX-License-Identifier: BSD-3-Clause
"""Waking from a native thread, in every kind of pool."""

from __future__ import annotations

import subprocess
import sys

import pytest

from igwn_alert_celery.kafka.wake import Wake

PATCH = {
    "threads": "",
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()\n",
    "eventlet": "import warnings; warnings.simplefilter('ignore')\n"
    "import eventlet; eventlet.monkey_patch()\n",
}
# Greenlets wait, others go on meanwhile, and a native thread wakes each.
PROGRAM = """
import threading, time
from igwn_alert_celery.kafka.wake import Wake
from igwn_alert_celery.native import run_natively, start_native_thread

wakes, woken, ticks = [Wake() for _ in range(20)], [], []

def wait(number):
    if wakes[number].wait(20.0):
        woken.append(number)

def tick():
    while len(woken) < 20:
        ticks.append(len(woken))
        time.sleep(0.001)

def wake_all():
    for wake in wakes:
        while len(ticks) < 5:
            native_sleep(0.001)
        wake.set()

native_sleep = time.sleep
threads = [threading.Thread(target=wait, args=(n,)) for n in range(20)]
threads.append(threading.Thread(target=tick))
for thread in threads:
    thread.start()
start_native_thread(wake_all, "native")
for thread in threads:
    thread.join()
print(sorted(woken) == list(range(20)), len(ticks) >= 5, run_natively(lambda: 5))
"""
DESCRIPTORS = """
import threading
from pathlib import Path
from igwn_alert_celery.kafka.wake import Wake

def descriptors():
    return sum(1 for _ in Path("/dev/fd").iterdir())

def woken():
    wake = Wake()
    setters = [threading.Thread(target=wake.set) for _ in range(4)]
    for setter in setters:
        setter.start()
    found = wake.wait(60.0)
    for setter in setters:
        setter.join()
    return found

before = descriptors()
times = sum(woken() for _ in range(200))
for _ in range(200):
    wake = Wake()
    wake.wait(0.0)
    wake.set()
print(times, descriptors() - before)
"""


def run(program):
    """Return what a program prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.parametrize("pool", PATCH)
def test_a_native_thread_wakes_each_that_waits(pool):
    assert run(PATCH[pool] + PROGRAM) == "True True 5"


def test_set_before_it_waits():
    wake = Wake()
    wake.set()
    assert wake.wait(60.0) is True


def test_the_time_is_over_first():
    wake = Wake()
    assert wake.wait(0.01) is False
    wake.set()  # nobody is there any more


def test_no_descriptor_is_left_or_closed_twice():
    # In a process of its own: Kafka clients of other tests open and close theirs in this one.
    assert run(DESCRIPTORS) == "200 0"
