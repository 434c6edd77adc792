# SPDX-License-Identifier: BSD-3-Clause
"""Bad input of every kind through decode and enqueue: nothing escapes, nothing is lost.

``make fuzz`` runs the long one too, of more than a hundred thousand records.
"""

import logging
import os
import resource
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.integration.fuzz.mill import milling
from tests.integration.fuzz.records import mutated, records
from tests.integration.fuzz.saved import saved_records

SAVED = saved_records()
# What one record may cost at most, with a generous margin: seconds, bytes.
MOST_S = 5.0
MOST_MEMORY = 100_000_000
CHUNK = 400


@pytest.fixture
def mill(redis_server, caplog):
    caplog.set_level(logging.CRITICAL, "igwn_alert_celery")  # a line for every dead letter
    client = redis_server.client(redis_server.other_url)
    with milling(redis_server.other_url, client) as mill:
        yield mill
    assert mill.timed.slowest < MOST_S


def test_every_saved_record_becomes_what_it_should(mill, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some would leave a file here
    assert len({saved.name for saved in SAVED}) == len(SAVED)
    found = mill.grind([saved.record for saved in SAVED])
    became = {saved.name: kind for saved, kind in zip(SAVED, found, strict=True)}
    assert became == {saved.name: saved.becomes for saved in SAVED}
    assert list(tmp_path.iterdir()) == []


def test_what_one_record_takes_of_memory_is_bounded(mill):
    tracemalloc.start()
    try:
        for saved in (saved for saved in SAVED if len(saved.record.value or b"") > 5000):
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            mill.timed.pipeline.run(saved.record, mill.progress.pid, redelivered=False)
            assert tracemalloc.get_traced_memory()[1] - before < MOST_MEMORY, saved.name
    finally:
        tracemalloc.stop()


def draw(mill, count):
    """Let Hypothesis make so many lists of records."""

    @given(records)
    @settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def run(found):
        mill.grind(found)

    run()


def mutate(mill, seed, count):
    found = list(mutated([saved.record for saved in SAVED], seed, count))
    for start in range(0, count, CHUNK):
        mill.grind(found[start : start + CHUNK])


def test_some_thousand(mill):
    draw(mill, 80)
    mutate(mill, 1, 2000)
    assert mill.ground > 2080
    assert {"alert", "skipped", "not_json", "too_deep", "unknown_format", "undecodable"} <= {
        *mill.became
    }


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_thousand(mill):
    seed = int(os.environ.get("IGWN_ALERT_TEST_SEED", "2"))
    # Hypothesis remembers its examples, so growth is measured after it.
    draw(mill, 2000)
    mutate(mill, seed, 10_000)
    before_mb = resident_mb()
    while mill.ground < 100_000:
        seed += 1
        mutate(mill, seed, 10_000)
    grown_mb = resident_mb() - before_mb
    became = ", ".join(f"{name} {count}" for name, count in mill.became.most_common())
    figures = f"slowest {mill.timed.slowest:.3f} s, grown by {grown_mb:.0f} MB"
    print(f"\n{mill.ground} records, last seed {seed}: {became}; {figures}")  # noqa: T201
    assert grown_mb < 100


def resident_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20
