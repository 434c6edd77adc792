# SPDX-License-Identifier: BSD-3-Clause
"""Memory that is used once before anything is measured."""

import re
import resource

from benchmarks import memory


def test_every_page_is_used_and_it_is_said_how_long_one_took(monkeypatch):
    monkeypatch.setattr(memory, "_MOST_BYTES", 2**24)
    monkeypatch.setattr(memory, "_AGAIN_BYTES", 2**23)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    said = memory.touch_memory()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults >= (2**24 + 2**23) // resource.getpagesize()
    first, later = map(float, re.findall(r"([\d.]+) µs", said))
    assert min(first, later) > 0
