# SPDX-License-Identifier: BSD-3-Clause
"""What the cores leave room for."""

import pytest

from benchmarks.cores import room
from benchmarks.sample import OURS, TODAYS
from tests.unit.benchmarks.made import report, sample

MEMORY = {"data": "in memory", "alerts": 10}


def figures(rate, worker, task_broker, kafka):
    return {
        "alerts_per_s": rate,
        "worker_cpu_ms_per_alert": worker,
        "task_broker_cpu_ms_per_alert": task_broker,
        "kafka_cpu_ms_per_alert": kafka,
    }


def test_the_most_is_what_all_cores_can_do_with_what_an_alert_takes():
    made = report(
        sample("backlog", OURS, MEMORY, figures(16_000.0, 0.05, 0.04, 0.01)),
        sample("backlog", OURS, MEMORY, figures(15_000.0, 0.04, 0.03, 0.01), repetition=1),
        sample("backlog", OURS, MEMORY, figures(17_000.0, 0.06, 0.05, 0.01), repetition=2),
        sample("backlog", TODAYS, MEMORY, {"alerts_per_s": 1000.0}),
        sample("workers", OURS, {"workers": 2}, {}, wrong=["it could not be measured"]),
    )
    _, _, row = room(made).splitlines()
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "a backlog, this package", "0.100", "20000", "20.0", "16000", "80%",
    ]  # fmt: skip


@pytest.mark.parametrize("made", [report(), report(sample("idle", OURS, {}, {}))])
def test_without_a_backlog_there_is_nothing_to_say(made):
    assert room(made) == ""
