# SPDX-License-Identifier: BSD-3-Clause
"""The page that the runs write: every figure stands in it, and what went wrong is not hidden."""

import pytest

from tests.faults import page, results
from tests.faults.results import Results

GOOD = {
    "fault": "worker: kill -9",
    "way": "this package",
    "task_broker": "redis",
    "pool": "solo",
    "sent": 100,
    "missing": 0,
    "gone": 0,
    "enqueued_twice": 0,
    "disordered": 0,
    "ran_twice": 2,
    "ran_twice_unexcused": 0,
    "longest_s": 8.04,
    "takeover_s": 7.5,
    "redelivery_s": 8.0,
    "resume_s": None,
    "wrong": [],
    "took_s": 20.0,
}
BAD = {
    **GOOD,
    "way": "today's way",
    "missing": 61,
    "resume_s": float("inf"),
    "wrong": ["61 missing"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_FOLDER", tmp_path)


def test_each_line_stands_in_the_table_and_in_the_sums():
    Results("table").keep("a", GOOD)
    Results("table").keep("b", BAD)
    text = page.text()
    good, bad = (line for line in text.splitlines() if line.startswith("| worker: kill -9"))
    assert good.endswith("| 100 | 0 | 0 | 0 | 0 | 2 (0) | 8.0 s | 7.5 s | 8.0 s | – | ✓ |")
    assert bad.endswith(
        "| 100 | 61 | 0 | 0 | 0 | 2 (0) | 8.0 s | 7.5 s | 8.0 s | never | 61 missing |"
    )
    assert "**this package**: 1 lines, 1 of them ✓; 100 alerts, 0 missing" in text
    assert "**today's way**: 1 lines, 0 of them ✓; 100 alerts, 61 missing" in text
    assert text.count(page._NONE) == 2
    assert "{" not in text


def test_a_newer_result_takes_the_place_of_an_older_one():
    Results("chaos").keep("seed 1", GOOD)
    Results("chaos").keep("seed 1", {**GOOD, "sent": 77})
    assert [kept["sent"] for kept in Results("chaos").load().values()] == [77]


def test_a_soak_shows_its_medians():
    grown = {"what": "memory_kb", "before": 100.0, "after": 300.0, "grew": True}
    Results("soak").keep("soak", {**GOOD, "growth": [grown], "samples": [{}] * 12})
    assert "| memory_kb | 100 | 300 | grew |" in page.text()
