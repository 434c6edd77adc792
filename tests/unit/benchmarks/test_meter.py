# SPDX-License-Identifier: BSD-3-Clause
"""CPU time an alert, from what the kernel says before and after."""

import os

import pytest

import benchmarks.meter
from benchmarks.meter import Meter


def test_it_says_what_was_used_since_it_was_made(monkeypatch):
    used = {1: 10.0, 2: 20.0, os.getpid(): 1.0}
    clock = {"busy": 100.0, "now": 50.0}
    monkeypatch.setattr(benchmarks.meter, "cpu_s", lambda pids: sum(used[pid] for pid in pids))
    monkeypatch.setattr(benchmarks.meter, "busy_s", lambda: clock["busy"])
    monkeypatch.setattr(benchmarks.meter.time, "monotonic", lambda: clock["now"])
    meter = Meter({"worker": [1], "kafka": [2]})
    used.update({1: 12.0, 2: 21.0, os.getpid(): 1.5})
    clock.update(busy=105.5, now=52.0)
    assert meter.read(1000) == pytest.approx(
        {
            "worker_cpu_ms_per_alert": 2.0,
            "kafka_cpu_ms_per_alert": 1.0,
            "benchmark_cpu_ms_per_alert": 0.5,
            "elsewhere_cores": 1.0,
        }
    )
