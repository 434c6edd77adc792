# SPDX-License-Identifier: BSD-3-Clause
"""What a page of memory costs."""

import re
import resource

from benchmarks import memory


def test_every_page_is_used_and_it_is_said_how_long_one_took(monkeypatch):
    monkeypatch.setattr(memory, "_BYTES", 2**24)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    said = memory.page_cost()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults >= 2 * 2**24 // resource.getpagesize()
    first, again = map(float, re.findall(r"([\d.]+) µs", said))
    assert min(first, again) > 0
