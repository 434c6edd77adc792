# SPDX-License-Identifier: BSD-3-Clause
"""What ``open(url, "r")`` gives: hop's stream for reading, on a reader or member of ours."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Protocol

from kombu.utils.compat import detect_environment

from igwn_alert_celery.client.payload import Fetch, metadata_of, model_of
from igwn_alert_celery.errors import FatalError, KafkaRefused
from igwn_alert_celery.kafka.consumer import Problem
from igwn_alert_celery.kafka.reader import Reader
from igwn_alert_celery.record import Record, TopicPartition

__all__ = ["ReadStream"]

logger = logging.getLogger(__name__)

# So soon stop() and ctrl-C are noticed.
_POLL_S = 0.1
_GREEN_S = 0.02
_SAY_AGAIN_S = 60.0
_USUAL_BATCH = 100
_USUAL_WAIT = timedelta(seconds=1)
_FORBIDDEN = "TOPIC_AUTHORIZATION_FAILED"
_NO_TOPIC = "UNKNOWN_TOPIC_OR_PART"


class Source(Protocol):
    """Where records come from: a :class:`Reader`, or a :class:`Member`."""

    missing: set[str]

    @property
    def topics(self) -> set[str]: ...

    def poll(self, timeout_s: float, most: int) -> tuple[list[Record], list[Problem]]: ...

    def follow(self, pattern: str) -> None: ...

    def at_ends(self) -> bool: ...

    def close(self) -> None: ...


class ReadStream:
    """Payloads of topics, in hop's models; a context manager.

    All but :meth:`stop` is for one thread.

    Parameters
    ----------
    source : Reader or Member
    fetch : callable or None
        Gets hop's offloaded messages; without it they come as hop's ``ExternalMessage``.
    ignoretest : bool
        Skip what hop marks as a test.
    until_eos : bool
        End at the end that the topics had at the start.
    """

    def __init__(
        self, source: Any, fetch: Fetch | None, *, ignoretest: bool = True, until_eos: bool = False
    ) -> None:
        self._source: Source = source
        self._done = getattr(source, "done", None)
        self._fetch = fetch
        self._until_eos = until_eos
        self._stopped = threading.Event()
        self._closed = False
        self._handed_over: dict[TopicPartition, int] = {}
        self._missing: set[str] = set()
        self._refused: set[str] = set()
        self._said_at: dict[tuple[str, str | None], float] = {}
        self._is_green = detect_environment() != "default"
        self.ignoretest = ignoretest

    @property
    def _consumer(self) -> ReadStream:
        """What igwn-alert's ``stop`` stops."""
        return self

    @property
    def positions(self) -> dict[TopicPartition, int]:
        """Next offset of each partition after what was handed over; for :meth:`resume`."""
        starts = self._source.starts if isinstance(self._source, Reader) else {}
        return {**starts, **self._handed_over}

    def resume(self, positions: Mapping[TopicPartition, int]) -> None:
        """Go on where another stream was; a consumer group keeps its own positions."""
        if isinstance(self._source, Reader):
            for partition, offset in positions.items():
                self._source.go_to(partition, offset)
            self._handed_over.update(positions)

    def follow(self, pattern: str) -> None:
        """Read topics that match a regular expression as well, once they are created."""
        self._source.follow(pattern)

    def read(
        self,
        metadata: bool = False,
        autocommit: bool = True,
        batch_size: int = _USUAL_BATCH,
        batch_timeout: timedelta | float = _USUAL_WAIT,
    ) -> Iterator[Any]:
        """Yield payloads until :meth:`stop`.

        Parameters
        ----------
        metadata : bool
            Yield pairs of payload and hop's ``Metadata``.
        autocommit : bool
            With a consumer group: commit each record once the next one is asked for, that is, when
            it has been handled. Else call :meth:`mark_done`.
        batch_size : int
            Most records at once.
        batch_timeout : timedelta or float
            Longest wait for the first of them (seconds); what is there is not waited for.

        Raises
        ------
        KafkaRefused
            Kafka lets the credential read none of the topics, or not with this consumer group.
        FatalError
            librdkafka has given up.
        """
        for record in self._records(batch_size, batch_timeout):
            if not (self.ignoretest and record.is_test):
                payload, whole = model_of(record, self._fetch)
                # With the record itself, for mark_done().
                about = metadata_of(whole, record)
                yield (payload, about) if metadata else payload
            if autocommit:
                self._mark(record)

    def read_raw(
        self,
        metadata: bool = False,
        autocommit: bool = True,
        batch_size: int = _USUAL_BATCH,
        batch_timeout: timedelta | float = _USUAL_WAIT,
    ) -> Iterator[Any]:
        """Yield the records' bytes; else as :meth:`read`."""
        for record in self._records(batch_size, batch_timeout):
            if not (self.ignoretest and record.is_test):
                about = metadata_of(record, record)
                yield (record.value, about) if metadata else record.value
            if autocommit:
                self._mark(record)

    def mark_done(self, metadata: Any, asynchronous: bool = True) -> None:
        """Note that the record of this metadata was handled; a consumer group commits it."""
        self._mark(metadata._raw)  # noqa: SLF001 - hop keeps the message there for this

    def stop(self) -> None:
        """End the reading; from any thread, from a callback or a signal handler."""
        self._stopped.set()

    def close(self) -> None:
        """Stop and let Kafka go. A second time does nothing."""
        self._stopped.set()
        if not self._closed:
            self._closed = True
            self._source.close()

    def __iter__(self) -> Iterator[Any]:
        yield from self.read()

    def __enter__(self) -> ReadStream:  # noqa: PYI034 - typing has Self from 3.11 on
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _records(self, batch_size: int, batch_timeout: timedelta | float) -> Iterator[Record]:
        is_delta = isinstance(batch_timeout, timedelta)
        wait_s = batch_timeout.total_seconds() if is_delta else float(batch_timeout)  # type: ignore[union-attr, arg-type]
        while not self._stopped.is_set():
            records, problems = self._poll(min(wait_s, _POLL_S), batch_size)
            self._tell_missing()
            for problem in problems:
                self._tell(problem)
            for record in records:
                if self._stopped.is_set():
                    return
                self._handed_over[TopicPartition(record.topic, record.partition)] = (
                    record.offset + 1
                )
                yield record
            if self._until_eos and self._source.at_ends():
                return

    def _poll(self, wait_s: float, most: int) -> tuple[list[Record], list[Problem]]:
        if not self._is_green:
            return self._source.poll(wait_s, most)
        # librdkafka waits in C, where no other greenlet gets a turn.
        found = self._source.poll(0.0, most)
        time.sleep(0.0 if found[0] else min(wait_s, _GREEN_S))
        return found

    def _mark(self, record: Record) -> None:
        if self._done is not None:
            self._done(record)

    def _tell_missing(self) -> None:
        if self._source.missing == self._missing:
            return
        for topic in sorted(self._source.missing - self._missing):
            logger.warning(
                "%s does not exist (yet), or this credential may not see it; waiting for it", topic
            )
        for topic in sorted(self._missing - self._source.missing):
            logger.warning("%s is there now", topic)
        self._missing = set(self._source.missing)

    def _tell(self, problem: Problem) -> None:
        if problem.code == "_FATAL":
            raise FatalError(f"the Kafka client has given up: {problem.text}")
        if problem.code == _FORBIDDEN and problem.topic:
            self._forbidden(problem.topic)
        if problem.code == _NO_TOPIC or not self._is_due(problem):
            return
        where = f" ({problem.topic})" if problem.topic else ""
        logger.warning("Kafka: %s%s", problem.text, where)

    def _forbidden(self, topic: str) -> None:
        self._refused.add(topic)
        if self._source.topics <= self._refused:
            raise KafkaRefused(
                f"Kafka does not let this credential read {', '.join(sorted(self._refused))}: ask "
                "the topic's owner for permission to read it (at SCiMMA on "
                "https://my.hop.scimma.org), or use another credential"
            )

    def _is_due(self, problem: Problem) -> bool:
        """Whether the same has not been told within the last minute."""
        what, now = (problem.code, problem.topic), time.monotonic()
        if now < self._said_at.get(what, -_SAY_AGAIN_S) + _SAY_AGAIN_S:
            return False
        self._said_at[what] = now
        return True
