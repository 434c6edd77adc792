# SPDX-License-Identifier: BSD-3-Clause
"""What this process and this machine use."""

import os
import sys

import pytest

from benchmarks.usage import busy_s, cpu_s, family, memory_mb, peak_mb

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")


def test_cpu_time_is_that_of_the_kernel():
    before, told = cpu_s([os.getpid()]), os.times()
    assert before == pytest.approx(told.user + told.system, abs=0.2)
    assert cpu_s([os.getpid()] * 2) >= 2 * before


def test_the_machine_was_busy_at_least_as_long_as_we_were():
    assert busy_s() >= cpu_s([os.getpid()])


def test_memory_is_counted():
    found = memory_mb([os.getpid()])
    assert 0 < found["pss"] <= found["rss"] <= peak_mb(os.getpid()) * 1.01


def test_a_family_begins_with_its_head():
    assert family(os.getpid())[0] == os.getpid()
