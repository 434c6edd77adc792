# SPDX-License-Identifier: BSD-3-Clause
"""Every scenario, in the order in which it is measured and told."""

from __future__ import annotations

from benchmarks.backlogs import BACKLOGS
from benchmarks.growth import GROWTH
from benchmarks.idle import IDLE
from benchmarks.latency import LATENCY
from benchmarks.options import OPTIONS
from benchmarks.publisher import PUBLISHER
from benchmarks.scenario import Scenario
from benchmarks.startup import STARTUP
from benchmarks.takeover import TAKEOVER

__all__ = ["SCENARIOS"]

SCENARIOS: tuple[Scenario, ...] = (
    *BACKLOGS,
    LATENCY,
    *OPTIONS,
    PUBLISHER,
    IDLE,
    STARTUP,
    TAKEOVER,
    GROWTH,
)
