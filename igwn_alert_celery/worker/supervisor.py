# SPDX-License-Identifier: BSD-3-Clause
"""Keeps a receiver running: builds it, restarts it with back-off, and says what is wrong."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

from igwn_alert_celery import signals
from igwn_alert_celery.enqueue.kombu import KombuEnqueuer
from igwn_alert_celery.enqueue.redis import RedisEnqueuer, is_redis
from igwn_alert_celery.errors import ConfigError, ForeignLedgerError, RetryableError
from igwn_alert_celery.kafka.client import consumer_config
from igwn_alert_celery.kafka.consumer import ClusterView, Consumer
from igwn_alert_celery.kafka.credentials import load_credential
from igwn_alert_celery.metrics import State
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.worker.banner import banner, say
from igwn_alert_celery.worker.native import start_native_thread
from igwn_alert_celery.worker.pipeline import Pipeline
from igwn_alert_celery.worker.positions import Positions
from igwn_alert_celery.worker.receiver import Receiver

__all__ = ["Supervisor", "consumer_group_of"]

logger = logging.getLogger(__name__)

MOST_BACKOFF_S = 10.0


class Supervisor:
    """Owns the receiver's thread in one worker process."""

    def __init__(self, bridge: Any) -> None:
        self._bridge = bridge
        self._settings: Settings = bridge.settings
        self._metrics = bridge.metrics
        self._receiver: Receiver | None = None
        self._enqueuer: Any = None
        self._stopping = False
        self._finished = True

    def start(self) -> None:
        """Start the thread; returns at once."""
        self._stopping, self._finished = False, False
        start_native_thread(self._run, "igwn-alert-receiver")

    def request_stop(self) -> None:
        """Ask for the end; only sets flags, so a signal handler may call it."""
        self._stopping = True
        receiver = self._receiver
        if receiver is not None:
            receiver.stop()

    def stop(self, timeout_s: float = 15.0) -> bool:
        """Ask for the end and wait for it; returns whether it came within the time."""
        self.request_stop()
        deadline = time.monotonic() + timeout_s
        while not self._finished and time.monotonic() < deadline:
            time.sleep(0.02)
        if not self._finished:
            logger.error(
                "the receiver did not end within %g s; the worker ends without it", timeout_s
            )
        return self._finished

    def _run(self) -> None:
        backoff_s = 0.5
        try:
            while not self._stopping:
                began = time.monotonic()
                if not self._attempt() or self._stopping:
                    return
                backoff_s = (
                    0.5 if time.monotonic() - began > 60 else min(2 * backoff_s, MOST_BACKOFF_S)
                )
                self._wait(backoff_s)
        finally:
            if self._metrics.state is not State.FAILED:
                self._set(State.STOPPED)
            self._finished = True

    def _attempt(self) -> bool:
        """Run one receiver to its end; return whether another is worth trying."""
        try:
            self._receive()
        except ForeignLedgerError as exc:
            self._failed(exc)
            return True
        except ConfigError as exc:
            self._failed(exc)
            return False
        except RetryableError as exc:
            self._set(State.STARTING, str(exc))
            logger.error("the receiver cannot start yet: %s; trying again", exc)
        except Exception as exc:
            # Border of the receiver's thread: whatever it was, it is seen, and tried again.
            self._metrics.counters["restarts"] += 1
            self._set(State.FAILED, repr(exc))
            logger.exception("the receiver failed; it is started again")
        finally:
            self._receiver = None
            if self._enqueuer is not None:
                self._enqueuer.close()
        return True

    def _receive(self) -> None:
        self._set(State.STARTING)
        bridge, settings = self._bridge, self._settings
        credential = load_credential(settings, os.environ)
        group = consumer_group_of(settings, credential, bridge.app)
        self._metrics.server = settings.bootstrap
        self._metrics.group, self._metrics.consumer_group = settings.group, group
        self._enqueuer = self._make_enqueuer(group)
        self._enqueuer.open()
        self._metrics.guarantee = self._enqueuer.guarantee
        self._metrics.ordinary_way = self._enqueuer.ordinary_way
        for warning in self._enqueuer.warnings():
            logger.warning(warning)
        consumer = Consumer(consumer_config(settings, credential, group))
        positions = Positions(settings, consumer, self._enqueuer, group)
        pipeline = Pipeline(
            settings, bridge.registry, bridge.app.tasks, self._enqueuer.prepare, bridge
        )
        wanted = tuple(settings.full_topic(topic) for topic in bridge.topics)
        self._receiver = Receiver(
            consumer, self._enqueuer, positions, pipeline, self._metrics, wanted
        )
        if self._stopping:
            consumer.close()
            return
        self._receiver.run(lambda view: self._ready(view, wanted))

    def _make_enqueuer(self, group: str) -> RedisEnqueuer | KombuEnqueuer:
        app = self._bridge.app
        if is_redis(app):
            return RedisEnqueuer(app, self._settings)
        return KombuEnqueuer(app, self._settings, _state_path(self._settings, group))

    def _ready(self, view: ClusterView, wanted: tuple[str, ...]) -> None:
        say(banner(self._metrics, self._settings, self._bridge.registry, view, wanted))

    def _failed(self, exc: Exception) -> None:
        if self._metrics.detail != str(exc):
            logger.error("igwn-alert: the receiver does not run: %s", exc)
        self._set(State.FAILED, str(exc))

    def _set(self, state: State, detail: str = "") -> None:
        self._metrics.state, self._metrics.detail = state, detail
        signals.receiver_state_changed.send(sender=self._bridge, state=state.value, detail=detail)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < deadline:
            time.sleep(0.05)


def consumer_group_of(settings: Settings, credential: Any, app: Any) -> str:
    """Return the consumer group: the setting, else ``<username>-<app name>``.

    SCiMMA demands that a consumer group begins with the username.
    """
    if settings.consumer_group:
        return settings.consumer_group
    if not app.main or app.main == "__main__":
        raise ConfigError(
            "the app has no name to derive the consumer group from: write Celery('followup', …) "
            "or set igwn_alert_consumer_group"
        )
    return f"{credential.username}-{app.main}" if credential else str(app.main)


def _state_path(settings: Settings, group: str) -> Path:
    if settings.state_dir:
        folder = Path(settings.state_dir)
    else:
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        folder = Path(home) / "igwn-alert-celery"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise ConfigError(
            f"cannot write to {folder}, where dead letters are kept on this task broker: set "
            f"igwn_alert_state_dir to a folder that the worker may write to ({exc})"
        ) from exc
    return folder / f"{group}.sqlite"
