# SPDX-License-Identifier: BSD-3-Clause
"""The two ways to play: a demo that ends by itself, and a playground that stays open."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from igwn_alert_celery.kafka.embedded import Sender
from igwn_alert_celery.playground import words
from igwn_alert_celery.playground.alerts import detection
from igwn_alert_celery.playground.board import Board
from igwn_alert_celery.playground.door import open_door
from igwn_alert_celery.playground.ending import Ending
from igwn_alert_celery.playground.errors import Ended, PlaygroundError
from igwn_alert_celery.playground.session import Session, open_session
from igwn_alert_celery.playground.topics import TOPIC_PREFIX
from igwn_alert_celery.playground.view import LiveTable, PlainLines, Screen, open_view

__all__ = ["Play"]

# Together with the detection and the worker's end less than a minute.
_START_S = 35.0
_FINISH_S = 8.0
_PAUSE_S = 0.5
_LOOK_S = 0.02


class Play:
    """One play, from start to end.

    Parameters
    ----------
    ending : Ending
        Asked again and again whether to end.
    handlers : Path, optional
        The visitor's Python file with handlers.

    Raises
    ------
    PlaygroundError
        There is no such file.
    """

    def __init__(self, ending: Ending, handlers: Path | None = None) -> None:
        if handlers is not None and not handlers.is_file():
            raise PlaygroundError(f"{handlers} does not exist: give a Python file with handlers")
        self._ending = ending
        self._handlers = handlers.resolve() if handlers else None
        self._screen = Screen()
        self._board = Board()

    def demo(self) -> None:
        """Play one detection; takes less than a minute.

        Raises
        ------
        PlaygroundError
            Not every alert was handled.
        """
        with self._started() as session:
            self._screen.say(words.SCENE)
            sender = Sender(session.address)
            with open_view(self._screen, self._board) as view:
                # Also for people, who want to read what the handlers are.
                self._watch(session, view, _PAUSE_S)
                for topic, alert in detection():
                    alert_id = sender.send(f"{TOPIC_PREFIX}{topic}", alert)
                    self._board.sent(alert_id, topic, alert)
                    self._watch(session, view, _PAUSE_S)
                self._watch(session, view, _FINISH_S, until=lambda: self._board.done)
            if not self._board.done:
                raise PlaygroundError(words.missing(self._board, session.worker.log_tail()))
            self._screen.say(f"\n{words.summary(self._board)}")
        if self._board.problems:
            raise PlaygroundError(words.failed(self._board))
        self._screen.say(words.NEXT)

    def keep_open(self) -> None:
        """Stay open until a signal asks for the end; Ctrl-C is the regular way."""
        with self._started() as session, open_door(session.address):
            self._screen.say(words.invitation(session.worker.log), wrap=False)
            try:
                with open_view(self._screen, self._board) as view:
                    self._watch(session, view, float("inf"))
            except Ended as exc:
                if self._board.rows:
                    self._screen.say(f"\n{words.summary(self._board)}")
                if exc.signum != signal.SIGINT:
                    raise

    @contextmanager
    def _started(self) -> Iterator[Session]:
        self._screen.say(words.STARTING)
        with open_session(self._handlers) as session:
            try:
                handlers = session.wait_until_running(_START_S, self._ending.check)
                self._screen.say(words.introduction(session.address, handlers), wrap=False)
                yield session
            finally:
                self._screen.say(words.STOPPING)

    def _watch(
        self,
        session: Session,
        view: LiveTable | PlainLines,
        seconds: float,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        view.update()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until():
            self._ending.check()
            steps = session.steps()
            for step in steps:
                self._board.add(step)
            if steps:
                view.update()
            time.sleep(_LOOK_S)
