# SPDX-License-Identifier: BSD-3-Clause
"""Grinds records as a receiver does, on a real Redis, and accounts for every one of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from msgspec import structs

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.alert import Alert
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.batch import PartitionId
from igwn_alert_celery.enqueue.redis import RedisEnqueuer
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import Record
from igwn_alert_celery.task import HEADER
from igwn_alert_celery.worker.pipeline import Pipeline
from igwn_alert_celery.worker.positions import Progress
from igwn_alert_celery.worker.writer import Writer
from tests.integration.enqueue.stock import received
from tests.integration.fuzz.fetching import fetch

__all__ = ["MOST_BYTES", "Mill", "milling"]

MOST_BYTES = 1_000_000
_PARTITION = PartitionId("cluster", "fuzz", "g.superevent", "id", 0)
# By template, through kombu, and in another serializer than JSON.
_WAYS: dict[str, dict[str, Any]] = {
    "fast": {},
    "packed": {"compression": "gzip"},
    "pickled": {"serializer": "pickle"},
}
_NOTHING_AFTER = "{'callbacks': None, 'errbacks': None, 'chain': None, 'chord': None}"
_PROPERTIES = [name for name, kind in vars(Alert).items() if isinstance(kind, property)]


@dataclass
class Timed:
    """A pipeline that measures: ``slowest`` is its most CPU time for one record, seconds."""

    pipeline: Pipeline
    slowest: float = 0.0

    @property
    def sender(self) -> Any:
        """The bridge."""
        return self.pipeline.sender

    def run(self, record: Record, partition: Any, **options: Any) -> Any:
        """Run the pipeline."""
        began = time.thread_time()
        try:
            return self.pipeline.run(record, partition, **options)
        finally:
            self.slowest = max(self.slowest, time.thread_time() - began)


@dataclass
class Mill:
    """Writes records to Redis, and takes out again what they became.

    Attributes
    ----------
    ground : int
        How many records so far.
    became : Counter
        How many of them by what they became.
    usual : dict
        What all task messages in a queue have in common.
    """

    app: Celery
    enqueuer: RedisEnqueuer
    metrics: Metrics
    timed: Timed
    progress: Progress
    ground: int = 0
    became: Counter[str] = field(default_factory=Counter)
    usual: dict[str, Any] = field(default_factory=dict)

    def grind(self, records: Sequence[Record]) -> list[str]:
        """Return what each record became; every promise about them is asserted."""
        start = self.progress.position.next_offset
        sent = [structs.replace(record, offset=start + n) for n, record in enumerate(records)]
        before = self.metrics.counters.copy()
        writer = Writer(self.timed, self.enqueuer, self.metrics)
        for answer in writer.write([(self.progress, sent)]):
            self.progress = answer.progress
        assert self.progress.position.next_offset == start + len(sent)
        tasks, letters = self._tasks(), self._letters()
        found = [_became(record, tasks, letters) for record in sent]
        for message in (message for made in tasks.values() for message in made.values()):
            # Nothing of a record says what runs, where, with which options, or what comes after.
            options = _options(message)
            assert self.usual.setdefault(message["queue"], options) == options
        counted = self.metrics.counters - before
        assert counted["received"] == len(sent)
        assert counted["enqueued"] == sum(map(len, tasks.values()))
        assert counted["dead_letters"] == sum(map(len, letters.values()))
        assert counted["skipped_test"] == found.count("skipped")
        self.ground += len(found)
        self.became.update(found)
        return found

    def _tasks(self) -> dict[int, dict[str, Any]]:
        """Take all task messages, by offset and handler, as Celery's own consumer decodes them."""
        found: dict[int, dict[str, Any]] = {}
        for way in _WAYS:
            offsets = []
            for message in received(self.app, (way,)):
                header = message["headers"][HEADER]
                offsets.append(header["offset"])
                assert message["headers"]["task"] == way
                assert way not in found.setdefault(header["offset"], {}), "enqueued twice"
                found[header["offset"]][way] = message
            assert offsets == sorted(offsets), "out of order"
        return found

    def _letters(self) -> dict[int, list[DeadLetter]]:
        found: dict[int, list[DeadLetter]] = {}
        kept = self.enqueuer.memory.dead_letters
        for letter in kept.list(kept.count()):
            found.setdefault(letter.offset, []).append(letter)
            kept.drop(letter.id)
        return found


def _became(record: Record, tasks: dict[int, Any], letters: dict[int, Any]) -> str:
    enqueued, kept = tasks.get(record.offset, {}), letters.get(record.offset, [])
    for letter in kept:
        assert (letter.key, letter.value, letter.headers) == (
            record.key,
            record.value,
            record.headers,
        )
        assert len(letter.error) < 1000
    if not enqueued and not kept:
        assert record.is_test, "lost"
        return "skipped"
    if not enqueued and [letter.handler for letter in kept] == [None]:
        return str(kept[0].reason)
    assert {*enqueued, *(letter.handler for letter in kept)} == set(_WAYS)
    assert len(enqueued) + len(kept) == len(_WAYS)
    wanted = repr(decode(record, max_bytes=MOST_BYTES, fetch=fetch).content)
    for message in enqueued.values():
        assert message["alert"] == wanted
    return "alert" if not kept else f"{kept[0].handler}: {kept[0].reason}"


def _options(message: dict[str, Any]) -> str:
    """Return all of a task message but the alert, its record and its ids."""
    ids = dict.fromkeys(("id", "root_id", HEADER))
    headers = {**message["headers"], **ids}
    properties = {**message["properties"], "correlation_id": None}
    assert headers["task"] == message["queue"]
    assert message["body"][:-1].endswith(f", {{}}, {_NOTHING_AFTER}")
    return repr((headers, properties, message["content"], message["times"]))


@contextmanager
def milling(url: str, client: Any) -> Iterator[Mill]:
    """Give a mill on an emptied Redis database."""
    client.flushdb()
    app = Celery("fuzz", broker=url, set_as_current=False)
    app.conf.accept_content = ["json", "pickle"]
    bridge = IGWNAlert(
        app, group="g", noauth=True, max_bytes=MOST_BYTES, dead_letter_max_bytes=2**40
    )
    failed: list[Exception] = []
    for way, options in _WAYS.items():
        handler = bridge.handler(
            "superevent", name=way, queue=way, where=_looking(failed), **options
        )
        handler(_handler())
    app.finalize()
    enqueuer = RedisEnqueuer(app, bridge.settings)
    enqueuer.open()
    try:
        pipeline = Pipeline(
            bridge.settings, bridge.registry, app.tasks, enqueuer.prepare, bridge, fetch
        )
        progress = Progress(_PARTITION, enqueuer.claim(_PARTITION, 0), 0)
        mill = Mill(app, enqueuer, Metrics(), Timed(pipeline), progress)
        # What nothing can have changed yet is what all others have to be like.
        mill.grind([Record("g.superevent", 0, 0, 0, None, b'{"uid": "S1"}')])
        yield mill
        assert failed == []
    finally:
        enqueuer.close()
        app.close()


def _handler() -> Any:
    def handle(alert: Alert) -> None:
        """Is only enqueued."""

    return handle


def _looking(failed: list[Exception]) -> Any:
    """Return a filter that reads every property of an alert, and keeps what they raise."""

    def look(alert: Alert) -> bool:
        try:
            for name in _PROPERTIES:
                getattr(alert, name)
        except Exception as exc:  # noqa: BLE001 - told by the test
            failed.append(exc)
        return True

    return look
