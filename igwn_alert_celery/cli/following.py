# SPDX-License-Identifier: BSD-3-Clause
"""Follows topics: all alerts, committing nothing, or with ``-c`` as a member of a group."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence

from igwn_alert_celery.cli.catch_up import progress_of
from igwn_alert_celery.cli.decoding import Decoding
from igwn_alert_celery.cli.ending import Ending
from igwn_alert_celery.cli.questions import naming
from igwn_alert_celery.cli.report import note, problem
from igwn_alert_celery.cli.retry import Retries
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.source import Source, open_source
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.troubles import Troubles
from igwn_alert_celery.cli.view import View
from igwn_alert_celery.cli.wanted import found, missing_text
from igwn_alert_celery.cli.window import LATEST, Window
from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.record import Record, TopicPartition

__all__ = ["Following"]

logger = logging.getLogger(__name__)

POLL_S = 0.2
MOST_RECORDS = 500


class Following:
    """One run of `listen`.

    Parameters
    ----------
    target : Target
    topics : sequence of str
        Names and patterns without the group; none for the whole group.
    window : Window
    view : View
    screen : Screen
    with_tests : bool
        Whether hop's test records are shown.
    """

    def __init__(
        self,
        target: Target,
        topics: Sequence[str],
        window: Window,
        view: View,
        screen: Screen,
        *,
        with_tests: bool = False,
    ) -> None:
        self._target = target
        self._topics = topics or ("*",)
        self._window = window
        self._view = view
        self._screen = screen
        self._with_tests = with_tests or not target.settings.ignore_test
        self._start = window.start
        self._next: dict[TopicPartition, int] = {}
        self._shown_below: dict[TopicPartition, int] = {}
        self._past: set[TopicPartition] = set()

    def run(self, ending: Ending) -> None:
        """Show alerts until the window ends; raises what ends it before.

        Raises
        ------
        click.exceptions.Exit
            A signal has come.
        KafkaUnavailable
            Kafka does not answer at the start, or the client has failed for good.
        KafkaRefused
            Kafka does not let us in, or not to any of the topics.
        """
        retries = Retries(self._target.flags)
        while True:
            try:
                with naming(self._target):
                    self._read(retries, ending)
            except KafkaUnavailable as exc:
                retries.failed(exc)
                self._shown_below = dict(self._next)
            else:
                return

    def _introduce(self, existing: Collection[str]) -> None:
        settings, place = self._target.settings, self._target.place
        names = []
        for topic in self._topics:
            full_names = found(settings, [topic], existing)
            if not set(full_names).intersection(existing):
                text = missing_text(settings, settings.full_topic(topic), existing)
                problem(f"{text} Waiting for it")
            names += full_names
        if self._screen.is_live:
            note(f"listening to {' '.join(names) or 'nothing yet'} at {place}; ctrl-C ends it")

    def _read(self, retries: Retries, ending: Ending) -> None:
        with open_source(self._target, self._topics, self._start) as source:
            # Only now: what is created from here on is read from its beginning.
            self._introduce(source.existing)
            retries.succeeded()
            if self._start == LATEST:
                # After a failure it goes on from here; what was shown is not shown again.
                self._start = round(time.time() * 1000)
            with ending.noted():
                self._follow(source, ending)

    def _follow(self, source: Source, ending: Ending) -> None:
        total = source.backlog if self._window.looks_back else 0
        troubles = Troubles(self._target.settings, self._topics)
        with progress_of("catching up", total, self._screen) as advance:
            while not (ending.has_come or self._is_over(source)):
                records, problems = source.poll(POLL_S, MOST_RECORDS)
                troubles.note(problems)
                self._screen.check_reader()
                for record in records:
                    if ending.has_come or self._window.is_full():
                        break
                    self._take(record, source.decoding)
                    if TopicPartition(record.topic, record.partition) not in self._past:
                        source.done(record)
                    advance(1)

    def _is_over(self, source: Source) -> bool:
        return self._window.is_full() or (self._window.is_past() and source.at_ends())

    def _take(self, record: Record, decoding: Decoding) -> None:
        partition = TopicPartition(record.topic, record.partition)
        self._next[partition] = record.offset + 1
        is_hidden = record.is_test and not self._with_tests
        was_shown = record.offset < self._shown_below.get(partition, 0)
        if not self._window.takes(record.timestamp_ms):
            # A consumer group gets it the next time, and so what lies behind it in its partition.
            self._past.add(partition)
            return
        if is_hidden or was_shown:
            return
        seen = decoding.seen(record)
        if seen is not None:
            self._view.show(seen)
            self._window.note_shown()
