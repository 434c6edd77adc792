# SPDX-License-Identifier: BSD-3-Clause
"""IGWNAlert: binds handlers, settings and the receiver to one Celery app."""

from __future__ import annotations

import difflib
import inspect
import json
import os
import time
import uuid
from collections.abc import Callable, Collection
from typing import Any

from celery import Celery, Task
from celery.local import PromiseProxy
from celery.result import AsyncResult

from igwn_alert_celery.alert import Alert
from igwn_alert_celery.enqueue.message import TaskCall, apply
from igwn_alert_celery.errors import ConfigError, HandlerError
from igwn_alert_celery.handlers import Registry, Subscription
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import Record, RecordInfo
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.task import HEADER, HandlerTask, handler_base
from igwn_alert_celery.worker.bootstep import install

__all__ = ["IGWNAlert"]

_OWN_OPTIONS = ("alert_type", "labels", "where", "max_age_s")
_TASK_DEFAULTS = {
    "acks_late": True,
    "reject_on_worker_lost": True,
    "ignore_result": True,
    "shared": False,
}
# What Celery's task decorator reads itself or through autoretry; the rest are Task's attributes.
_DECORATOR_OPTIONS = frozenset(
    {
        "base",
        "bind",
        "name",
        "shared",
        "lazy",
        "pydantic",
        "pydantic_strict",
        "pydantic_context",
        "pydantic_dump_kwargs",
        "autoretry_for",
        "dont_autoretry_for",
        "retry_kwargs",
        "retry_backoff",
        "retry_backoff_max",
        "retry_jitter",
        "queue",
        "routing_key",
        "exchange",
        "priority",
        "delivery_mode",
        "compression",
        "immediate",
        "mandatory",
    }
)


class IGWNAlert:
    """The bridge of one Celery app.

    Parameters
    ----------
    app : celery.Celery, optional
        The app; without it call :meth:`init_app` later.
    **settings
        Settings without the prefix ``igwn_alert_``, e.g. ``group="gracedb-playground"``;
        they win over ``app.conf`` and yield to the environment. Checked when first needed.
    """

    def __init__(self, app: Celery | None = None, **settings: Any) -> None:
        self._keywords = settings
        self._settings: Settings | None = None
        self._app: Celery | None = None
        self._pending: list[Any] = []
        self.registry = Registry()
        self.metrics = Metrics()
        if app is not None:
            self.init_app(app)

    def __repr__(self) -> str:
        name = self._app.main if self._app is not None else None
        return f"<IGWNAlert: app {name!r}, topics {list(self.registry.topics)}>"

    def init_app(self, app: Celery) -> None:
        """Bind the app; raises :exc:`ConfigError` when either has been bound before."""
        if self._app is not None:
            raise ConfigError("this IGWNAlert has an app already; make one IGWNAlert per app")
        if getattr(app, "igwn_alert", None) is not None:
            raise ConfigError("this app has an IGWNAlert already; use that one (app.igwn_alert)")
        self._app = app
        app.igwn_alert = self
        install(app, self)
        for proxy in self._pending:
            proxy.__maybe_evaluate__()
        self._pending.clear()

    @property
    def app(self) -> Celery:
        """The bound app; raises :exc:`ConfigError` before :meth:`init_app`."""
        if self._app is None:
            raise ConfigError("no app yet: call igwn_alert.init_app(app) first")
        return self._app

    @property
    def settings(self) -> Settings:
        """The settings, built on first use; raises :exc:`SettingsError`."""
        if self._settings is None:
            conf = dict(self.app.conf.items())
            namespace = getattr(self.app.conf, "prefix", None)
            self._settings = Settings.build(
                conf,
                self._keywords,
                os.environ,
                namespaces=(namespace,) if namespace else (),
            )
        return self._settings

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics and patterns asked for, by handlers and the setting, without prefix."""
        return tuple(sorted({*self.registry.topics, *self.settings.topics}))

    def handler(
        self,
        *topics: str,
        alert_type: str | Collection[str] | None = None,
        labels: str | Collection[str] | None = None,
        where: Callable[[Alert], object] | None = None,
        max_age_s: float | None = None,
        **task_options: Any,
    ) -> Callable[[Any], Any]:
        """Make a Celery task of a function, to be run for each matching alert; stackable.

        Parameters
        ----------
        *topics : str
            Topics without the group prefix; ``*`` makes a pattern (``"cbc_*"``).
        alert_type : str or collection of str, optional
            Types to take (``"new"``).
        labels : str or collection of str, optional
            Labels that the alert's object must all carry.
        where : callable, optional
            Takes the :class:`Alert`, returns whether to take it. Runs in the receiver.
        max_age_s : float, optional
            Older alerts (seconds, by Kafka's time) become a dead letter ``expired``.
        **task_options
            Celery's (``queue``, ``bind``, ``autoretry_for``, …).

        Returns
        -------
        callable
            The decorator; it returns the task.

        Raises
        ------
        HandlerError
            A topic, filter or option that cannot work.
        """
        filters: dict[str, Any] = {
            "alert_type": alert_type,
            "labels": labels,
            "where": where,
            "max_age_s": max_age_s,
        }
        if len(topics) == 1 and callable(topics[0]):
            raise HandlerError('name the topic: @igwn_alert.handler("superevent")')
        _check_options(task_options)
        self._check_prefix(topics)

        def decorate(function: Any) -> Any:
            task = self._task(function, task_options)
            self.registry.add(
                Subscription.build(self._name(function, task_options), topics, **filters)
            )
            return task

        return decorate

    def deliver(self, topic: str, payload: str | bytes | dict[str, Any]) -> list[AsyncResult]:
        """Give one alert to its handlers without Kafka; blocks until it is published.

        Parameters
        ----------
        topic : str
            Without the group prefix.
        payload : str, bytes or dict
            The alert: an object, its JSON, or GraceDB's JSON in a JSON string.

        Returns
        -------
        list of celery.result.AsyncResult
            One per task.

        Raises
        ------
        PoisonRecord
            The payload cannot become an alert.
        """
        value = payload if isinstance(payload, (str, bytes)) else json.dumps(payload)
        raw = value.encode() if isinstance(value, str) else value
        now_ms = int(time.time() * 1000)
        record = Record(self.settings.full_topic(topic), -1, -1, now_ms, None, raw)
        decoded = decode(record, max_bytes=self.settings.max_bytes)
        info = RecordInfo(topic, None, None, now_ms)
        alert = Alert(decoded.content, record=info)
        calls = [
            TaskCall(
                self.app.tasks[name],
                str(uuid.uuid4()),
                info.as_header(),
                decoded.content,
                decoded.json,
                decoded.kombu_safe,
            )
            for name in self.registry.match(topic, alert, 0.0).tasks
        ]
        with self.app.producer_or_acquire() as producer:
            for call in calls:
                apply(call, HEADER, producer)
        return [self.app.AsyncResult(call.task_id) for call in calls]

    def status(self) -> dict[str, Any]:
        """Return the receiver's state, counters and partitions: from memory, JSON-safe."""
        return {**self.metrics.as_dict(), "handlers": list(self.registry.task_names)}

    def _task(self, function: Any, options: dict[str, Any]) -> Any:
        if isinstance(function, Task):
            if options:
                raise HandlerError(
                    f"task options {sorted(options)} on a task that exists already: give them to "
                    "the innermost @igwn_alert.handler"
                )
            if not isinstance(function, HandlerTask):
                raise HandlerError(
                    f"{function.name} is a plain task: decorate the function itself with "
                    "@igwn_alert.handler instead of @app.task"
                )
            return function
        merged = {**_TASK_DEFAULTS, **options, "base": handler_base(options.get("base"))}
        if self._app is not None:
            return self._app.task(**merged)(function)
        proxy = PromiseProxy(lambda: self.app.task(**{**merged, "lazy": False})(function))
        self._pending.append(proxy)
        return proxy

    def _name(self, function: Any, options: dict[str, Any]) -> str:
        if isinstance(function, Task):
            return str(function.name)
        if options.get("name"):
            return str(options["name"])
        if self._app is None:
            return f"{function.__module__}.{function.__name__}"
        return str(self._app.gen_task_name(function.__name__, function.__module__))

    def _check_prefix(self, topics: tuple[str, ...]) -> None:
        group = self._keywords.get("group")
        for topic in topics:
            if group and isinstance(topic, str) and topic.startswith(f"{group}."):
                raise HandlerError(
                    f"topic {topic!r} carries the group: write {topic[len(group) + 1 :]!r}"
                )


def _check_options(options: dict[str, Any]) -> None:
    base = options.get("base")
    known = _DECORATOR_OPTIONS | {name for name in dir(Task) if not name.startswith("_")}
    if inspect.isclass(base):
        known |= {name for name in dir(base) if not name.startswith("_")}
    for option in options:
        if option not in known:
            near = difflib.get_close_matches(option, [*_OWN_OPTIONS, *known], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise HandlerError(f"neither igwn_alert nor Celery knows the option {option!r}{hint}")
